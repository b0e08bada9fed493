'use strict';

const fs = require('fs');
const path = require('path');
const v8 = require('v8');

/** Files of one process never have the same temporary name. */
let count = 0;

/**
 * Writes a snapshot. Under its name a file is complete or not there: it is written beside it, brought to the
 * disk and renamed. Only its owner may read it, because a heap holds secrets.
 */
exports.write = function write(name) {
  const target = path.resolve(name);
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.${count++}.part`);
  // Made here, because not every version of Node.js makes it with these rights.
  fs.closeSync(fs.openSync(temporary, 'wx', 0o600));
  try {
    // Older versions answer nothing where newer ones throw.
    if (v8.writeHeapSnapshot(temporary) === undefined) throw codeError('EIO');
    bringToDisk(temporary);
    fs.renameSync(temporary, target);
  } catch (error) {
    remove(temporary);
    throw error;
  }
};

function bringToDisk(file) {
  const descriptor = fs.openSync(file, 'r+');
  try {
    const size = fs.fstatSync(descriptor).size;
    // Not every version tells that the disk was full.
    const end = Buffer.alloc(Math.min(size, 8));
    fs.readSync(descriptor, end, 0, end.length, size - end.length);
    if (!end.toString('latin1').trim().endsWith('}')) throw codeError('ENOSPC');
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function codeError(code) {
  const error = new Error(code);
  error.code = code;
  return error;
}

function remove(file) {
  try {
    fs.unlinkSync(file);
  } catch (error) {
    // It is gone already.
  }
}
