#!/usr/bin/env node
'use strict';

// The pinned npm compiler (soljson.js) behind the command line of native solc, as far as py-solc-x and forge use it:
//   --version
//   --standard-json [FILE] [--base-path P] [--include-path P]... [--allow-paths P,...]
// Imports that are not among the given sources are read below the base path, then below the include paths.

const fs = require('fs');
const path = require('path');

const WITH_VALUE = new Set(['--base-path', '--include-path', '--allow-paths']);

function usage(message) {
  process.stderr.write(`solc-wasm: ${message}\n`);
  process.exit(1);
}

function parse(argv) {
  const options = { version: false, standardJson: false, roots: [], file: null };
  const rest = [...argv];
  while (rest.length > 0) {
    const word = rest.shift();
    const cut = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = cut < 0 ? word : word.slice(0, cut);
    if (WITH_VALUE.has(name)) {
      const value = cut < 0 ? rest.shift() : word.slice(cut + 1);
      if (value === undefined) usage(`${name} needs a value`);
      if (name === '--base-path') options.roots.unshift(value);
      if (name === '--include-path') options.roots.push(value);
    } else if (word === '--version') options.version = true;
    else if (word === '--standard-json') options.standardJson = true;
    else if (word === '-') options.file = null;
    else if (word.startsWith('-')) usage(`unknown option ${word}`);
    else options.file = word;
  }
  return options;
}

// emscripten installs handlers that would swallow our own failures
function loadCompiler() {
  const compiler = require(require.resolve('solc/soljson.js', { paths: [__dirname] }));
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  return compiler;
}

function readSource(unit, roots) {
  for (const root of roots.length > 0 ? roots : ['.']) {
    const file = path.resolve(root, unit);
    if (fs.existsSync(file) && fs.statSync(file).isFile()) return { contents: fs.readFileSync(file, 'utf8') };
  }
  return { error: `source unit not found: ${unit}` };
}

function compile(compiler, input, roots) {
  const allocate = compiler.cwrap('solidity_alloc', 'number', ['number']);
  const place = (text, pointer) => {
    const size = compiler.lengthBytesUTF8(text) + 1;
    const buffer = allocate(size);
    compiler.stringToUTF8(text, buffer, size);
    compiler.setValue(pointer, buffer, '*');
  };
  const onImport = compiler.addFunction((context, kind, data, contents, error) => {
    const isSource = compiler.UTF8ToString(kind) === 'source';
    const found = isSource ? readSource(compiler.UTF8ToString(data), roots) : { error: 'no SMT solver here' };
    if (found.error === undefined) place(found.contents, contents);
    else place(found.error, error);
  }, 'viiiii');
  try {
    return compiler.cwrap('solidity_compile', 'string', ['string', 'number', 'number'])(input, onImport, 0);
  } finally {
    compiler.cwrap('solidity_reset', null, [])();
    compiler.removeFunction(onImport);
  }
}

// a pipe takes part of a large answer at a time
function writeAll(text) {
  const bytes = Buffer.from(`${text}\n`);
  for (let done = 0; done < bytes.length;) {
    try {
      done += fs.writeSync(1, bytes, done);
    } catch (failure) {
      if (failure.code !== 'EAGAIN') throw failure;
    }
  }
}

const options = parse(process.argv.slice(2));
if (options.version) {
  const version = loadCompiler().cwrap('solidity_version', 'string', [])();
  writeAll(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else if (options.standardJson) {
  writeAll(compile(loadCompiler(), fs.readFileSync(options.file === null ? 0 : options.file, 'utf8'), options.roots));
} else {
  usage('need --version or --standard-json');
}
process.exit(0);
