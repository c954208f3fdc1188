#!/usr/bin/env node
'use strict';

// The pinned npm compiler for the mutation runs, where starting it anew each time would take longer than compiling:
//   solc.js SOLJSON --serve                            one standard-JSON input a line in, one output a line out
//   solc.js SOLJSON FILE --combined-json LIST […]      one file the way slither asks for it; unknown options are passed over

const fs = require('fs');
const path = require('path');
const readline = require('readline');

const [soljson, ...rest] = process.argv.slice(2);
const compiler = require(soljson);
process.removeAllListeners('uncaughtException');
process.removeAllListeners('unhandledRejection');

function read(unit) {
  return fs.existsSync(unit) ? { contents: fs.readFileSync(unit, 'utf8') } : { error: `not found: ${unit}` };
}

function compile(input) {
  const place = (text, pointer) => {
    const size = compiler.lengthBytesUTF8(text) + 1;
    const buffer = compiler.cwrap('solidity_alloc', 'number', ['number'])(size);
    compiler.stringToUTF8(text, buffer, size);
    compiler.setValue(pointer, buffer, '*');
  };
  const onImport = compiler.addFunction((context, kind, data, contents, error) => {
    const found = read(compiler.UTF8ToString(data));
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

function combined(file) {
  const wanted = ['abi', 'evm.bytecode', 'evm.deployedBytecode', 'evm.methodIdentifiers', 'devdoc', 'userdoc'];
  const out = JSON.parse(compile(JSON.stringify({
    language: 'Solidity',
    sources: { [file]: { content: fs.readFileSync(path.resolve(file), 'utf8') } },
    settings: { evmVersion: 'cancun', outputSelection: { '*': { '': ['ast'], '*': wanted } } },
  })));
  const answer = { contracts: {}, sources: {}, sourceList: [], version: compiler.cwrap('solidity_version', 'string', [])() };
  for (const [name, source] of Object.entries(out.sources || {})) {
    answer.sources[name] = { AST: source.ast, id: source.id };
    answer.sourceList[source.id] = name;
  }
  for (const [name, contracts] of Object.entries(out.contracts || {})) {
    for (const [contract, c] of Object.entries(contracts)) {
      answer.contracts[`${name}:${contract}`] = {
        abi: c.abi, bin: c.evm.bytecode.object, 'bin-runtime': c.evm.deployedBytecode.object,
        srcmap: c.evm.bytecode.sourceMap, 'srcmap-runtime': c.evm.deployedBytecode.sourceMap,
        hashes: c.evm.methodIdentifiers, devdoc: c.devdoc, userdoc: c.userdoc,
      };
    }
  }
  return JSON.stringify(answer);
}

if (rest[0] === '--serve') {
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    process.stdout.write(`${compile(line)}\n`);
  });
} else {
  fs.writeSync(1, combined(rest[0]));
}
