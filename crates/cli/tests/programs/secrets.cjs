'use strict';
// Keeps secrets in every way a program can, says what they are, and writes a snapshot to the file that it is told.
const { randomBytes } = require('crypto');
const planted = {};
const secret = (kind) => {
  const text = kind + randomBytes(9).toString('hex');
  (planted[kind] ??= []).push(text);
  return text;
};

class Account {
  #pin = secret('private');
  constructor() {
    this.ownerName = secret('value');
    this.settings = { languageCode: secret('literal'), nested: { deepestName: [secret('element')] } };
  }
  get pin() { return this.#pin; }
}

const sessions = {};
for (let i = 0; i < 300; i++) sessions[secret('dictionarykey')] = new Account();
const few = {};
for (let i = 0; i < 4; i++) few[secret('fastkey')] = { at: new Date() };
const parsed = JSON.parse(`{"${secret('jsonkey')}":{"a":"${secret('jsonvalue')}"}}`);
const symbol = Symbol(secret('symbol'));
const bySymbol = { [symbol]: {} };
const pattern = new RegExp(secret('pattern'));
const map = new Map(Object.keys(sessions).map((key) => [key, { key }]));
const weak = new WeakMap(Object.keys(sessions).map((key) => [sessions[key], secret('weakvalue').repeat(2)]));
const rope = secret('ropestart') + secret('ropeend');
const slice = ('head of a long text ' + secret('slice')).slice(20);
const error = new Error(secret('message'));
const closureHolds = secret('closure');
const numbers = { phone: 5550100777, [5550100]: {} };
planted.number = ['5550100777'];
const buffers = Buffer.from(secret('buffer'));

globalThis.kept = [sessions, few, parsed, bySymbol, pattern, map, weak, rope, slice, error, numbers, buffers];
globalThis.keptFunction = function chargeCustomer() { return closureHolds; };
require('v8').writeHeapSnapshot(process.argv[2]);
console.log(JSON.stringify(planted));
