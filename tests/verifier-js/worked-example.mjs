// Section 20 of docs/formats.md, computed from its words: every value that the page prints, the salts' HMACs, the acts and the bundle's bytes among them.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { keccak, recover } from './crypto.mjs';
import * as R from './rules.mjs';

const OPEN = 2 ** 32 - 1, DEPTH = 4, WINDOW = 20751, SLOTS = 100;
const fill = (value) => Buffer.alloc(32, value), address = (last) => Buffer.concat([Buffer.alloc(19), Buffer.from([last])]);
const word = (value) => R.uint(value, 32);

export function printed() {
  const page = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## 20 Worked example'));
  return Object.fromEntries([...section.matchAll(/^\* `(\w+)` = `(\w+|-\d+)`/gm)].map((m) => [m[1], m[2]]));
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (Buffer.isBuffer(value)) return `"${R.hex(value)}"`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

function readings(v) {
  const meter = (point) => createHmac('sha256', fill(0xa0)).update(Buffer.concat([Buffer.from('meter\0'), Buffer.from(point)])).digest();
  v.giver_meter = meter('DE0001'); v.taker_meter = meter('DE0002');
  const rows = { 40: [300000, 200000], 41: [100000, 250000], 42: [50000, 0], 43: [0, 80000] };
  const pack = (id, salt, direction, start) => {
    const values = Array.from({ length: SLOTS }, (_, i) => rows[i]?.[direction] ?? 0), end = start + values.reduce((a, b) => a + b, 0);
    const pair = (x) => (direction ? [R.uint(0, x.size), R.uint(x.value, x.size)] : [R.uint(x.value, x.size), R.uint(0, x.size)]);
    return Buffer.concat([Buffer.from([0x10]), v.community, id, R.uint(WINDOW, 4), R.uint(0, 2), salt, Buffer.from([255]), ...pair({ value: start, size: 8 }),
      ...pair({ value: end, size: 8 }), Buffer.alloc(32 + SLOTS), ...values.flatMap((value) => pair({ value, size: 4 }))]);
  };
  v.giver_pack_salt = salt(v, 0x11, 'pack', 0, 0); v.taker_pack_salt = salt(v, 0x11, 'pack', 0, 1);
  const giver = pack(v.giver_meter, v.giver_pack_salt, 1, 7000000), taker = pack(v.taker_meter, v.taker_pack_salt, 0, 5000000);
  const leaves = [[0, keccak(giver)], [1, keccak(taker)]];
  Object.assign(v, { pack_length: taker.length, giver_pack_header: giver.subarray(0, 168), taker_pack_header: taker.subarray(0, 168), giver_pack_leaf: leaves[0][1], taker_pack_leaf: leaves[1][1],
    reader_root: R.treeRoot(DEPTH, leaves), taker_pack_proof: Buffer.concat(R.treeProof(DEPTH, leaves, 1)) });
  return { taker, packProof: R.treeProof(DEPTH, leaves, 1) };
}

function salt(v, key, purpose, sequence, index) {
  const parts = [Buffer.from(purpose + '\0'), v.community, R.uint(WINDOW, 4), R.uint(0, 2), R.uint(sequence, 8), R.uint(index, 4)];
  return createHmac('sha256', fill(key)).update(Buffer.concat(parts)).digest();
}

function acts(v, signature) {
  v.anchor_struct_hash = R.actHash('Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)', [word(0), word(WINDOW), word(0), v.reader_root]);
  v.anchor_digest = R.actDigest(v.community, v.anchor_struct_hash);
  v.reader_key = recover(v.anchor_digest, signature);
  v.record_leaf = v.batch_root = R.recordLeaf(v.community, 0, WINDOW, 0, v.reader_root);
  v.batch_time = v.window_end + 3600;
  v.batch_digest = R.batchDigest(v.batch_root, v.batch_time);
  v.giver_parameters = R.parametersHash(fill(0x52), 0, 1000000, 0); v.taker_parameters = R.parametersHash(fill(0x53), 0, 900000, 0);
  v.join_struct_hash = R.actHash('Join(uint32 member,uint32 agreement,uint8 role,uint32 fromDay,uint32 endDay,bytes32 parameters)',
    [word(3), word(1), word(1), word(WINDOW), word(OPEN), v.taker_parameters]);
  v.join_digest = R.actDigest(v.community, v.join_struct_hash);
  v.countersign_digest = R.actDigest(v.community, R.actHash('Countersign(bytes32 join)', [v.join_struct_hash]));
}

function settle(v) {
  const offers = { 40: [270000n, 200000n], 41: [90000n, 250000n], 42: [45000n, 0n], 43: [0n, 80000n] };
  let [taken, given] = [0n, 0n];
  const triples = Buffer.concat(Array.from({ length: SLOTS }, (_, i) => {
    const [C, F] = offers[i] ?? [0n, 0n], { L, g } = R.levels(0, [[C, 0n]], [F]);
    taken += R.taken(0, C, L, 0n); given += R.given(g, F);
    return Buffer.concat([R.uint(110000, 4), R.uint(L, 8), R.uint(g, 8)]);
  }));
  for (const i of [0, 40, 41, 42, 43]) v[`triple_${i}`] = triples.subarray(20 * i, 20 * i + 20);
  v.level_salt = salt(v, 0x21, 'level', 1, 1);
  v.result_leaf = R.resultLeaf(v.level_salt, triples);
  const people = { fee: [0n, 0n, taken * 5000n], rounding: [0n, 0n, -(given - taken) * 110000n], giver: [0n, given, given * 110000n], taker: [taken, 0n, -taken * 115000n] };
  const leaves = Object.entries(people).map(([name, [t, g, net]], index) => {
    const lines = Buffer.concat([R.uint(1, 4), R.uint(t, 8), R.uint(g, 8), R.uint(net, 16)]);
    const lineSalt = salt(v, 0x30 + index, 'line', 1, index), totalSalt = salt(v, 0x40 + index, 'total', 1, index), commitment = R.linesCommitment(lineSalt, lines);
    const leaf = R.statementLeaf(v.community, WINDOW, 0, index, commitment, net, totalSalt);
    for (const [end, value] of Object.entries({ lines, line_salt: lineSalt, lines_commitment: commitment, net, total_salt: totalSalt, statement_leaf: leaf })) v[`${name}_${end}`] = value;
    return [index, leaf];
  });
  v.source_leaf = R.sourceLeaf(1, 0, R.EMPTY);
  const trees = { statement: [leaves, 3], result: [[[1, v.result_leaf]], 1], source: [[[1, v.source_leaf], [2, v.source_leaf]], 2] }, proofs = {};
  for (const [name, [list, place]] of Object.entries(trees)) {
    v[name + 's_root'] = R.treeRoot(DEPTH, list);
    proofs[name] = R.treeProof(DEPTH, list, place);
    v[`taker_${name}_proof`] = Buffer.concat(proofs[name]);
  }
  v.posting_digest = R.postingDigest(v.community, 1, { window: WINDOW, revision: 0, asOf: v.as_of, statementsRoot: v.statements_root, resultsRoot: v.results_root, sourcesRoot: v.sources_root });
  v.refute_digest = R.actDigest(v.community, R.actHash('Refute(uint32 member,uint64 sequence,bytes32 posting)', [word(3), word(1), v.posting_digest]));
  return { triples, proofs };
}

function bundle(v, { taker, packProof, triples, proofs }, signature) {
  return { schema: 'lindenstrom/bundle@v1', sequence: 1, member: 3, name: 'Ada',
    community: { name: 'Example', id: v.community, chain_id: 31337, offset_hours: 1, depth: DEPTH, registry: address(0xa1), agreements: address(0xa2), reading_log: address(0xa3), settlement: address(0xa4) },
    header: { window: WINDOW, revision: 0, as_of: v.as_of, statements_root: v.statements_root, results_root: v.results_root, sources_root: v.sources_root },
    statement: { empty: false, community: v.community, window: WINDOW, revision: 0, index: 3, net_peur: v.taker_net.toString(), salt: v.taker_total_salt,
      lines_commitment: v.taker_lines_commitment, lines_salt: v.taker_line_salt, lines: v.taker_lines, proof: proofs.statement },
    meters: [{ label: 'DE0002', binding: { id: 2, member: 3, meter: v.taker_meter, reader: 0, position: 1, from_day: WINDOW, end_day: OPEN },
      source: { kind: 1, revision: 0, replacement: R.EMPTY }, source_proof: proofs.source, pack: taker, pack_proof: packProof,
      record: { batch: 1, time: v.batch_time, root: v.reader_root, slot: 0, proof: [] }, next: null, empty_position: false, challenge: false, challenge_revision: 0,
      reader_key: v.reader_key, signature, ground: null, true_up: null }],
    agreements: [{ label: 'Roof', membership: { agreement: 1, role: 1, from_day: WINDOW, end_day: OPEN, parameters: v.taker_parameters },
      terms: { steward: 2, key: 0, rule: 0, price_a_ueur_kwh: 110000, price_b_ueur_kwh: 0, fee_ueur_kwh: 5000, cap_mwh: OPEN, priority: 0, first_window: WINDOW, last_window: OPEN,
        public_disputes: true },
      weight: 0, share_ppm: 900000, limit_ueur_kwh: 0, salt: fill(0x53), empty: false, triples_salt: v.level_salt, triples, proof: proofs.result }] };
}

// All values by name; the signature is the page's, and its signer must be the reader's key.
export function computed(page) {
  const signature = R.bytes(page.anchor_signature), v = { chain_id: 31337, registry: address(0xa1), reader_secret: word(7), anchor_signature: signature };
  v.community = R.separator(v.chain_id, v.registry);
  const first = R.firstSlot(WINDOW, 1), end = 900 * R.firstSlot(WINDOW + 1, 1);
  Object.assign(v, { window: WINDOW, first_slot: first, slot_count: R.slotCount(WINDOW, 1), window_end: end, as_of: end + 36 * 3600, empty_root: R.treeRoot(DEPTH, []) });
  const opened = readings(v);
  acts(v, signature);
  const text = Buffer.from(canonical(bundle(v, { ...opened, ...settle(v) }, signature)) + '\n');
  return { ...v, taker_bundle_length: text.length, taker_bundle_keccak: keccak(text), bundle: JSON.parse(text) };
}
