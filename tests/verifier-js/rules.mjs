// The bytes of docs/formats.md and the rules of docs/protocol.md, section 6, in BigInt and Buffer. Numbers that enter arithmetic are BigInt.
import { keccak } from './crypto.mjs';

export const EMPTY = Buffer.alloc(32);
export const ONE = 1n << 32n;
export const M = (1n << 64n) - 1n;

export const hex = (bytes) => '0x' + bytes.toString('hex');
export const bytes = (text) => Buffer.from(text.slice(2), 'hex');
export const uint = (value, size) => Buffer.from(BigInt.asUintN(8 * size, BigInt(value)).toString(16).padStart(2 * size, '0'), 'hex');
export const number = (data) => BigInt('0x' + (data.toString('hex') || '0'));
const tag = (value) => Buffer.from([value]);
const min = (...values) => values.reduce((a, b) => (b < a ? b : a));

// 2 Calendar

function lastSunday(year, month) {
  const last = Date.UTC(year, month + 1, 0) / 86_400_000;
  return last - ((last + 4) % 7); // day 0 was a Thursday
}

export function firstSlot(window, offset) {
  const year = new Date(window * 86_400_000).getUTCFullYear();
  const summer = lastSunday(year, 2) < window && window <= lastSunday(year, 9);
  return 96 * window - 4 * offset - (summer ? 4 : 0);
}
export const slotCount = (window, offset) => firstSlot(window + 1, offset) - firstSlot(window, offset);

// 4 Trees

export const node = (left, right) => keccak(tag(0x01), left, right);

export function treeLevels(depth, leaves) {
  const levels = [new Map(leaves)];
  let empty = EMPTY;
  for (let height = 0; height < depth; height++) {
    const below = levels[height], above = new Map();
    const at = (place) => below.get(place) ?? empty;
    for (const place of below.keys()) above.set(place >> 1, node(at(place & ~1), at(place | 1)));
    above.empty = node(empty, empty);
    levels[height].empty = empty;
    levels.push(above);
    empty = above.empty;
  }
  levels[depth].empty = empty;
  return levels;
}
export const treeRoot = (depth, leaves) => { const top = treeLevels(depth, leaves)[depth]; return top.get(0) ?? top.empty; };
export const treeProof = (depth, leaves, place) =>
  treeLevels(depth, leaves).slice(0, depth).map((level, height) => level.get((place >> height) ^ 1) ?? level.empty);

export function fold(leaf, place, proof) {
  return proof.reduce((current, sibling, h) => (place / 2 ** h & 1 ? node(sibling, current) : node(current, sibling)), leaf);
}
export const proves = (root, leaf, place, proof, depth) => proof.length === depth && place < 2 ** depth && fold(leaf, place, proof).equals(root);

// 6 Pack

export function parsePack(pack, slots) {
  const u64 = (at) => number(pack.subarray(at, at + 8));
  const energy = (at) => Array.from({ length: slots }, (_, i) => BigInt(pack.readUInt32BE(at + slots + 8 * i)));
  return { breakSlot: pack[103], registers: [0, 1].map((d) => [104, 120, 136, 152].map((at) => u64(at + 8 * d))), status: pack.subarray(168, 168 + slots),
    import: energy(168), export: energy(172) };
}

export function packFault(pack, { community, meter, window, revision, slots }) {
  if (pack.length !== 168 + 9 * slots) return 'LENGTH';
  if (pack[0] !== 0x10) return 'TAG';
  if (!pack.subarray(1, 33).equals(community)) return 'COMMUNITY';
  if (!pack.subarray(33, 65).equals(meter)) return 'METER';
  if (pack.readUInt32BE(65) !== window) return 'WINDOW';
  if (pack.readUInt16BE(69) !== revision) return 'REVISION';
  const { breakSlot, registers, status, import: imported, export: exported } = parsePack(pack, slots);
  if (status.some((s) => s > 3)) return 'STATUS';
  if (breakSlot !== 255 && breakSlot >= slots) return 'BREAK_SLOT';
  for (const [direction, values] of [imported, exported].entries()) {
    const [start, end, oldEnd, newStart] = registers[direction], sum = values.reduce((a, b) => a + b, 0n);
    const holds = breakSlot === 255 ? !oldEnd && !newStart && start + sum === end
      : oldEnd >= start && end >= newStart && sum === oldEnd - start + (end - newStart);
    if (!holds) return 'REGISTERS';
  }
  return null;
}

// 7 to 12 Commitments

export const recordLeaf = (community, reader, window, revision, root) => keccak(tag(0x14), community, uint(reader, 4), uint(window, 4), uint(revision, 2), root);
export const batchDigest = (root, time) => keccak(tag(0x18), root, uint(time, 8));
export const sourceLeaf = (kind, revision, hash) => (kind ? keccak(tag(0x13), uint(kind, 1), uint(revision, 2), hash) : EMPTY);
export const parametersHash = (salt, weight, share, limit) => keccak(tag(0x16), salt, uint(weight, 4), uint(share, 4), uint(limit, 4));
export const resultLeaf = (salt, triples) => keccak(tag(0x12), salt, triples);
export const linesCommitment = (salt, lines) => keccak(tag(0x15), salt, lines);
export const statementLeaf = (community, window, revision, index, lines, net, salt) =>
  keccak(tag(0x11), community, uint(window, 4), uint(revision, 2), uint(index, 4), lines, uint(net, 16), salt);
export const postingDigest = (community, sequence, h) =>
  keccak(tag(0x17), community, uint(sequence, 8), uint(h.window, 4), uint(h.revision, 2), uint(h.asOf, 8), h.statementsRoot, h.resultsRoot, h.sourcesRoot);

// 13 Signed acts

const text = (value) => keccak(Buffer.from(value));
export const separator = (chainId, registry) =>
  keccak(text('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'), text('Lindenstrom'), text('1'), uint(chainId, 32),
    Buffer.alloc(12), registry);
export const actHash = (type, fields) => keccak(text(type), ...fields);
export const actDigest = (domain, hash) => keccak(Buffer.from([0x19, 0x01]), domain, hash);
export const anchorDigest = (domain, reader, window, revision, root) =>
  actDigest(domain, actHash('Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)', [uint(reader, 32), uint(window, 32), uint(revision, 32), root]));

// R3 Clearing

export function taken(key, C, L, weight) {
  if (key === 0) return min(C, C * L >> 32n);
  if (key === 1) return min(C, weight * L / 1_000_000n);
  if (key === 2) return min(C, weight * L >> 32n);
  if (key === 3) return min(C, L >> 32n);
  const rank = L >> 48n;
  return weight < rank ? C : weight > rank ? 0n : min(C, C * (L & ((1n << 48n) - 1n)) >> 32n);
}
export const given = (g, F) => F * g >> 32n;
const clamp = (limit, low, high) => (limit < low ? low : limit > high ? high : limit);
const sum = (values) => values.reduce((a, b) => a + b, 0n);

// The greatest x in [0, top] for which `holds`, which never turns from false to true.
function greatest(top, holds) {
  let [low, high] = [0n, top];
  while (low < high) { const middle = (low + high + 1n) / 2n; if (holds(middle)) low = middle; else high = middle - 1n; }
  return low;
}
const giverLevel = (feeds, need) => (sum(feeds) < need ? ONE : ONE - greatest(ONE, (x) => sum(feeds.map((F) => given(ONE - x, F))) >= need));

export function levels(key, draws, feeds) {
  const pool = sum(feeds), total = (L) => sum(draws.map(([C, weight]) => taken(key, C, L, weight)));
  const L = greatest(key === 1 ? pool : M, (level) => total(level) <= pool);
  return { L, g: L < M && key !== 1 ? ONE : giverLevel(feeds, total(L)) };
}

export function auctionLevels(takers, givers, low, high) {
  const bids = takers.map(([C, b]) => [C, clamp(b, low, high)]), asks = givers.map(([F, s]) => [F, clamp(s, low, high)]);
  const over = (list, test) => sum(list.filter(([, limit]) => test(limit)).map(([amount]) => amount));
  const prices = [low, high, ...bids.map((x) => x[1]), ...asks.map((x) => x[1])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const pL = prices.find((p) => over(asks, (s) => s <= p) >= over(bids, (b) => b > p));
  const pH = prices.findLast((p) => over(bids, (b) => b >= p) >= over(asks, (s) => s < p));
  const price = (pL + pH) / 2n;
  const above = over(bids, (b) => b > price), below = over(asks, (s) => s < price);
  const V = min(over(bids, (b) => b >= price), over(asks, (s) => s <= price));
  const tiedTakers = bids.filter(([, b]) => b === price).map(([C]) => C), tiedGivers = asks.filter(([, s]) => s === price).map(([F]) => F);
  const total = (L) => sum(tiedTakers.map((C) => taken(0, C, L, 0n)));
  const L = greatest(M, (level) => total(level) <= V - above);
  const rest = above + total(L) - below;
  return { price, L, g: L < M ? ONE : giverLevel(tiedGivers, rest > 0n ? rest : 0n) };
}

export function parseTriples(triples) {
  return Array.from({ length: Math.floor(triples.length / 20) }, (_, i) => ({ price: number(triples.subarray(20 * i, 20 * i + 4)),
    L: number(triples.subarray(20 * i + 4, 20 * i + 12)), g: number(triples.subarray(20 * i + 12, 20 * i + 20)) }));
}

// The reason of protocol.md, section 8, for which the triple is impossible, or 0.
export function tripleFault({ key, rule, priceA, priceB }, { price, L, g }, depth) {
  const due = rule === 1 ? (priceA + priceB) / 2n : priceA;
  if (rule === 2 ? price < priceA || price > priceB : price !== due) return 13;
  if (g > ONE || (key === 1 && L > 1n << BigInt(32 + depth))) return 14;
  return key !== 1 && L !== M && g !== ONE ? 17 : 0;
}

// What a party takes and gives of its offers by one triple.
export function shares({ key, rule, priceA, priceB, weight, limit }, { price, L, g }, C, F) {
  const own = clamp(limit, priceA, priceB);
  return { taken: rule !== 2 || own === price ? taken(key, C, L, weight) : own > price ? C : 0n,
    given: rule !== 2 || own === price ? given(g, F) : own < price ? F : 0n };
}

// Section 19, step 4: places are {agreement, key, rule, priceA, priceB, fee, cap, role, weight, share, limit, triples} in running order.
export function lines(draws, feeds, places) {
  const rows = places.map((place) => ({ place, triples: parseTriples(place.triples), taken: 0n, given: 0n, amount: 0n }));
  for (const [slot, draw] of draws.entries()) {
    const feed = feeds[slot];
    let [restDraw, restFeed] = [draw, feed];
    for (const row of rows) {
      const { role, share, cap, fee } = row.place, triple = row.triples[slot];
      const C = role & 1 ? min(restDraw, draw * share / 1_000_000n, cap) : 0n, F = role & 2 ? min(restFeed, feed * share / 1_000_000n, cap) : 0n;
      const part = shares(row.place, triple, C, F);
      restDraw -= part.taken; restFeed -= part.given;
      row.taken += part.taken; row.given += part.given;
      row.amount += part.given * triple.price - part.taken * (triple.price + fee);
    }
  }
  return { net: sum(rows.map((row) => row.amount)),
    bytes: Buffer.concat(rows.map((row) => Buffer.concat([uint(row.place.agreement, 4), uint(row.taken, 8), uint(row.given, 8), uint(row.amount, 16)]))) };
}

// R5 Replacement values: `measured` are {window, import, export}; registers and values are BigInt.
export function replacementPack({ community, meter, window, offset, salt, start }, measured) {
  const days = measured.filter((day) => day.window >= window - 28 && day.window < window).sort((a, b) => b.window - a.window).slice(0, 7);
  const history = days.some((day) => day.window >= window - 10) ? days : [];
  const a = 4 * (1 + offset), slots = slotCount(window, offset);
  const label = (n, i) => (n === 92 ? (i < a ? i : i + 4) : n === 100 ? (i < a + 4 ? i : i - 4) : i);
  const slotOf = (n, l) => (n === 92 ? (l < a ? l : l < a + 4 ? l : l - 4) : n === 100 ? (l < a + 4 ? l : l + 4) : l);
  const mean = (direction) => Array.from({ length: slots }, (_, i) => (history.length
    ? sum(history.map((day) => day[direction][slotOf(day.import.length, label(slots, i))])) / BigInt(history.length) : 0n));
  const values = [mean('import'), mean('export')], sums = values.map(sum);
  const starts = start.map((s, d) => (s + sums[d] > M ? 0n : s));
  const pack = Buffer.concat([tag(0x10), community, meter, uint(window, 4), uint(0xffff, 2), salt, tag(255), ...starts.map((s) => uint(s, 8)),
    ...starts.map((s, d) => uint(s + sums[d], 8)), Buffer.alloc(32), Buffer.alloc(slots, history.length ? 2 : 3),
    ...values[0].map((value, i) => Buffer.concat([uint(value, 4), uint(values[1][i], 4)]))]);
  return { history: history.map((day) => day.window), import: values[0], export: values[1], pack };
}
