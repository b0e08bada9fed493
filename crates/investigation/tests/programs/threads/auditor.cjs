'use strict';
const { answer } = require('./link.cjs');

class AuditEntry {
  constructor(text) {
    this.text = text;
    this.tags = ['seen', 'checked', String(Math.random())];
    this.at = { time: Date.now(), place: 'desk' };
  }
}
const trail = [];

answer((text) => {
  trail.push(new AuditEntry(text));
  return trail.length;
});
