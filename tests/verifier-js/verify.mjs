// An independent verifier of bundles, written from docs/formats.md and docs/protocol.md alone; nothing but node 20 is needed.
// node verify.mjs BUNDLE --community FILE [--chain FACTS.json] [--member N] [--own FILE.json] [--pinned ADDRESS]...
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { pathToFileURL } from 'node:url';
import { keccak, recover, verifyP256 } from './crypto.mjs';
import * as R from './rules.mjs';

class Unreadable extends Error {}
class Fault extends Error {}

const need = (holds, why) => { if (!holds) throw new Fault(why); };

// Fields: every one is required and of the form of formats.md, section 14; others are ignored.
const num = (bits) => (value, at) => {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** bits) throw new Unreadable(`${at} is not a number of ${bits} bits`);
  return value;
};
const raw = (size) => (value, at) => {
  if (typeof value !== 'string' || !/^0x([0-9a-f]{2})*$/.test(value) || (size !== null && value.length !== 2 + 2 * size)) throw new Unreadable(`${at} is not ${size ?? 'some'} bytes in hex`);
  return R.bytes(value);
};
const b32 = raw(32);
const flag = (value, at) => { if (typeof value !== 'boolean') throw new Unreadable(`${at} is neither true nor false`); return value; };
const text = (value, at) => { if (typeof value !== 'string') throw new Unreadable(`${at} is not a text`); return value; };
const signed = (bits) => (value, at) => {
  if (typeof value !== 'string' || !/^(0|-?[1-9][0-9]*)$/.test(value) || BigInt.asIntN(bits, BigInt(value)) !== BigInt(value)) throw new Unreadable(`${at} is not a decimal of ${bits} bits`);
  return BigInt(value);
};
const list = (form) => (value, at) => {
  if (!Array.isArray(value)) throw new Unreadable(`${at} is not a list`);
  return value.map((entry, i) => read(form, entry, `${at}[${i}]`));
};
const maybe = (form) => (value, at) => (value === null ? null : read(form, value, at));

function read(form, value, at) {
  if (typeof form === 'function') return form(value, at);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Unreadable(`${at} is not an object`);
  return Object.fromEntries(Object.entries(form).map(([key, inner]) => [key, read(inner, value[key], `${at}.${key}`)]));
}

const COMMUNITY = { id: b32, chain_id: num(53), offset_hours: num(2), depth: num(5), registry: raw(20), agreements: raw(20), reading_log: raw(20), settlement: raw(20) };
const BINDING = { id: num(32), member: num(32), meter: b32, reader: num(32), position: num(32), from_day: num(32), end_day: num(32) };
const RECORD = { batch: num(64), time: num(64), root: b32, slot: num(16), proof: list(b32) };
const MEMBERSHIP = { agreement: num(32), role: num(2), from_day: num(32), end_day: num(32), parameters: b32 };
const TERMS = { steward: num(32), key: num(8), rule: num(8), price_a_ueur_kwh: num(32), price_b_ueur_kwh: num(32), fee_ueur_kwh: num(32), cap_mwh: num(32),
  priority: num(8), first_window: num(32), last_window: num(32), public_disputes: flag };
const METER = { label: text, binding: BINDING, source: { kind: num(8), revision: num(16), replacement: b32 }, source_proof: list(b32), pack: raw(null), pack_proof: list(b32),
  record: maybe(RECORD), next: maybe(RECORD), empty_position: flag, challenge: flag, challenge_revision: num(16), reader_key: raw(null), signature: raw(null),
  ground: maybe({ revision: num(16), record: RECORD, empty: flag, pack: raw(null), proof: list(b32) }),
  true_up: maybe({ import_mwh: signed(65), export_mwh: signed(65) }) };
const AGREEMENT = { label: text, membership: MEMBERSHIP, terms: TERMS, weight: num(32), share_ppm: num(32), limit_ueur_kwh: num(32), salt: b32, empty: flag, triples_salt: b32,
  triples: raw(null), proof: list(b32) };
const BUNDLE = { schema: text, community: { name: text, ...COMMUNITY }, sequence: num(64),
  header: { window: num(21), revision: num(16), as_of: num(64), statements_root: b32, results_root: b32, sources_root: b32 }, member: num(32), name: text,
  statement: { empty: flag, community: b32, window: num(32), revision: num(16), index: num(32), net_peur: signed(128), salt: b32, lines_commitment: b32, lines_salt: b32,
    lines: raw(null), proof: list(b32) }, meters: list(METER), agreements: list(AGREEMENT) };
const FACTS = { schema: text, community: b32, depth: num(5), offset_hours: num(2),
  posting: { sequence: num(64), window: num(32), revision: num(16), as_of: num(64), state: num(2), attested_by: list(raw(20)), digest: b32, posted_at: num(64) },
  bindings: list(BINDING), memberships: list({ ...MEMBERSHIP, terms: TERMS }),
  readers: list({ reader: num(32), keys: list(raw(null)), anchored: list(num(64)), withheld_at: num(64) }), batches: list({ batch: num(64), digest: b32 }) };

function load(path) {
  try { return readFileSync(path, 'utf8'); } catch (error) { throw new Unreadable(`${path}: ${error.message}`); }
}
function json(path) {
  try { return JSON.parse(load(path)); } catch (error) { throw new Unreadable(`${path}: ${error.message}`); }
}
function schema(path, name) {
  const value = json(path);
  if (value?.schema !== name) throw new Unreadable(`${path}: the schema is not ${name}`);
  return value;
}

// The community file's TOML has tables, texts and numbers only where it is read here; or the JSON form of a bundle's `community`.
function readCommunity(path) {
  if (!path.endsWith('.toml')) return files.copy(json(path));
  const flat = {};
  let table = '';
  for (const line of load(path).split('\n')) {
    const head = line.match(/^\s*\[([\w.]+)\]/), entry = line.match(/^\s*([\w.]+)\s*=\s*(?:"([^"]*)"|(\d+))/);
    if (head) table = head[1] + '.';
    else if (entry) flat[table + entry[1]] = entry[2] ?? Number(entry[3]);
  }
  const contract = (name) => flat[`contracts.${name}.address`]?.toLowerCase?.();
  return read(COMMUNITY, { id: flat.id, chain_id: flat['chain.id'], offset_hours: flat['constants.offset_hours'], depth: flat['constants.depth'], registry: contract('registry'),
    agreements: contract('agreements'), reading_log: contract('reading_log'), settlement: contract('settlement') }, path);
}

const recordLeaf = (c, meter, revision, record) => R.recordLeaf(c.community.id, meter.binding.reader, c.header.window, revision, record.root);
const reader = (c, meter) => c.facts?.readers.find((r) => r.reader === meter.binding.reader);

function checkFile({ bundle, community, member }) {
  for (const key of Object.keys(COMMUNITY)) need(isDeepStrictEqual(bundle.community[key], community[key]), `community.${key} differs from the community file`);
  need(member === null || bundle.member === member, `the file is for member ${bundle.member}`);
}

// The leaf is not empty, of a known kind, and has a hash or a revision, never both.
const sourceForm = ({ kind, revision, replacement }) => (kind === 1 ? replacement.equals(R.EMPTY) : kind === 2 && revision === 0xffff);

function checkReadings(c) {
  for (const [i, meter] of c.bundle.meters.entries()) {
    const at = `meter ${i + 1}: `, { kind, revision, replacement } = meter.source;
    if (!sourceForm(meter.source)) continue; // check 5's
    need(!meter.challenge && !meter.empty_position, at + 'the file itself disputes the source');
    if (kind === 1) checkAnchored(c, meter, at);
    else {
      need(keccak(meter.pack).equals(replacement), at + 'the pack is not the replacement that the source names');
      checkGround(c, meter, at);
    }
    const fault = R.packFault(meter.pack, { ...c.expected, meter: meter.binding.meter, revision });
    need(!fault, at + `the pack fails the format check: ${fault}`);
    const own = kind === 1 ? c.own[R.hex(meter.binding.meter)] : undefined; // an own copy of what was replaced may have been anchored too late
    need(own === undefined || own === R.hex(meter.pack), at + "the member's own copy differs");
  }
}

function checkAnchored(c, meter, at) {
  const { bundle, header, community } = c, { record, next, signature, reader_key: key, binding } = meter, { revision } = meter.source;
  need(record, at + 'no record of the anchor');
  need(record.time <= header.as_of, at + 'anchored after the cut-off');
  need(!next || next.time > header.as_of, at + 'a newer revision was anchored before the cut-off');
  need(R.proves(record.root, keccak(meter.pack), binding.position, meter.pack_proof, community.depth), at + "the pack is not in the reader's tree");
  const digest = R.anchorDigest(c.domain, binding.reader, header.window, revision, record.root);
  need(key.length === 64 ? verifyP256(digest, signature, key) : recover(digest, signature)?.equals(key), at + 'not signed by the reader');
  const anchored = reader(c, meter)?.anchored;
  if (!anchored) return;
  need(revision < anchored.length, at + 'the reader never anchored that revision');
  need(!(anchored[revision + 1] <= header.as_of), at + 'a newer revision was anchored before the cut-off');
}

// R5: where the reader had anchored something in time and was not recorded as withholding, the bundle opens why that did not do.
function checkGround(c, meter, at) {
  const { header, community } = c, { ground, binding } = meter, chain = reader(c, meter);
  if (chain) {
    const inTime = chain.anchored.filter((time) => time <= header.as_of).length;
    const withheld = chain.withheld_at && chain.withheld_at < c.facts.posting.posted_at;
    need(!inTime || withheld || ground, at + 'replaced without ground');
    need(!ground || ground.revision === inTime - 1, at + "the ground is not the reader's newest revision at the cut-off");
  }
  if (!ground) return;
  need(ground.record.time <= header.as_of, at + 'the ground was anchored after the cut-off');
  need(R.proves(ground.record.root, ground.empty ? R.EMPTY : keccak(ground.pack), binding.position, ground.proof, community.depth), at + "the ground is not in the reader's tree");
  need(ground.empty || R.packFault(ground.pack, { ...c.expected, meter: binding.meter, revision: ground.revision }), at + 'the pack that was replaced is good');
}

const rule = (a) => ({ key: a.terms.key, rule: a.terms.rule, priceA: BigInt(a.terms.price_a_ueur_kwh), priceB: BigInt(a.terms.price_b_ueur_kwh) });

const posted = (c, a) => !a.empty && R.proves(c.header.results_root, R.resultLeaf(a.triples_salt, a.triples), a.membership.agreement, a.proof, c.community.depth);
const fault = (check, c) => { try { return check(c) ?? null; } catch (error) { if (error instanceof Fault) return error.message; throw error; } };

// Section 19: a fault counts once. Triples that are not the posted ones are check 5's alone; of the others price and range come before the amounts, these before "both held back".
function checkTerms(c) {
  need(!fault(checkPossible, c), fault(checkPossible, c));
  if (!fault(checkAmounts, c)) checkTriples(c, [17]);
}

function checkPossible(c) {
  for (const a of c.bundle.agreements) {
    const at = `agreement ${a.membership.agreement}: `;
    need(R.parametersHash(a.salt, a.weight, a.share_ppm, a.limit_ueur_kwh).equals(a.membership.parameters), at + 'the parameters are not those that the member signed');
    need(a.terms.key <= 4 && a.terms.rule <= 2, at + 'an unknown key or rule');
  }
  checkTriples(c, [13, 14]);
}

function checkTriples(c, reasons) {
  const why = { 13: "the price is not the terms'", 14: 'a level is out of range', 17: 'takers and givers are held back at once' };
  for (const a of c.bundle.agreements.filter((x) => posted(c, x))) {
    need(a.triples.length === 20 * c.expected.slots, `agreement ${a.membership.agreement}: not one triple a slot`);
    for (const [slot, triple] of R.parseTriples(a.triples).entries()) {
      const reason = R.tripleFault(rule(a), triple, c.community.depth);
      need(!reasons.includes(reason), `agreement ${a.membership.agreement}: slot ${slot}: ${why[reason]}`);
    }
  }
}

function checkAmounts(c) {
  const { slots } = c.expected, { statement } = c.bundle, draw = Array(slots).fill(0n), feed = Array(slots).fill(0n);
  if (c.bundle.meters.some((m) => m.pack.length !== 168 + 9 * slots)) return 'a pack of another length';
  if (!c.bundle.agreements.every((a) => posted(c, a))) return 'the triples are not the posted ones';
  if (fault(checkPossible, c)) return 'parameters, prices or levels are not possible';
  for (const { pack } of c.bundle.meters) {
    const values = R.parsePack(pack, slots);
    for (let i = 0; i < slots; i++) { draw[i] += values.import[i]; feed[i] += values.export[i]; }
  }
  const places = c.bundle.agreements.map((a) => ({ ...rule(a), agreement: a.membership.agreement, role: a.membership.role, fee: BigInt(a.terms.fee_ueur_kwh), cap: BigInt(a.terms.cap_mwh),
    weight: BigInt(a.weight), share: BigInt(a.share_ppm), limit: BigInt(a.limit_ueur_kwh), triples: a.triples }));
  const own = R.lines(draw, feed, places);
  need((statement.empty ? Buffer.alloc(0) : statement.lines).equals(own.bytes), 'the lines do not follow from readings, terms and levels');
  need((statement.empty ? 0n : statement.net_peur) === own.net, 'the net is not the sum of the amounts');
}

function checkCommitments(c) {
  const { bundle, header, community } = c, { statement: s, member } = bundle, { depth } = community;
  if (!s.empty) {
    need(R.linesCommitment(s.lines_salt, s.lines).equals(s.lines_commitment), 'the lines do not open their commitment');
    need(s.community.equals(community.id) && s.window === header.window && s.revision === header.revision && s.index === member, 'the statement speaks of something else');
  }
  const leaf = s.empty ? R.EMPTY : R.statementLeaf(s.community, s.window, s.revision, s.index, s.lines_commitment, s.net_peur, s.salt);
  need(R.proves(header.statements_root, leaf, member, s.proof, depth), 'the statement is not the posted one');
  for (const a of bundle.agreements) {
    need(!a.empty, `agreement ${a.membership.agreement}: no result was posted`);
    need(posted(c, a), `agreement ${a.membership.agreement}: the triples are not the posted ones`);
  }
  for (const [i, { source, binding, source_proof: proof }] of bundle.meters.entries()) {
    need(R.proves(header.sources_root, R.sourceLeaf(source.kind, source.revision, source.replacement), binding.id, proof, depth), `meter ${i + 1}: the source is not the posted one`);
    need(sourceForm(source), `meter ${i + 1}: ${source.kind ? 'a source that is neither anchored nor replaced' : 'no source was posted'}`);
  }
}

function checkPosting(c) {
  if (!c.facts) return 'no chain';
  const { posting } = c.facts, { bundle, header } = c;
  need(posting.sequence === bundle.sequence, 'the contract knows no such posting');
  const h = { window: header.window, revision: header.revision, asOf: header.as_of, statementsRoot: header.statements_root, resultsRoot: header.results_root, sourcesRoot: header.sources_root };
  need(R.postingDigest(c.community.id, bundle.sequence, h).equals(posting.digest), 'the contract holds another posting');
  need(posting.state === 1 || posting.state === 3, 'the posting is void');
}

// The records that a meter's opening holds, with their revisions.
const records = ({ source, record, next, ground }) => [[source.revision, record], [source.revision + 1, next], [ground?.revision, ground?.record]].filter(([, x]) => x);
const recordForm = ({ proof, slot }) => proof.length <= 8 && slot < 2 ** proof.length;

function checkChain(c) {
  for (const [i, meter] of c.bundle.meters.entries()) need(records(meter).every(([, x]) => recordForm(x)), `meter ${i + 1}: an anchor that no batch can hold`);
  if (!c.facts) return 'no chain';
  const { facts, file: bundle } = c;
  need(isDeepStrictEqual(bundle.meters.map((m) => m.binding), facts.bindings), 'the meters are not those bound on the chain');
  need(isDeepStrictEqual(bundle.agreements.map((a) => ({ ...a.membership, terms: a.terms })), facts.memberships), 'memberships or terms are not those of the chain');
  for (const [i, meter] of bundle.meters.entries()) {
    const at = `meter ${i + 1}: `, chain = reader(c, meter);
    need(chain, at + 'the chain knows no such reader');
    if (meter.record) need(chain.keys.some((key) => key.equals(meter.reader_key)), at + "never the reader's key");
    for (const [revision, record] of records(meter)) {
      if (record !== meter.next && revision >= chain.anchored.length) continue; // what was never anchored fails check 2
      const digest = facts.batches.find((b) => b.batch === record.batch)?.digest;
      const top = R.fold(recordLeaf(c, meter, revision, record), record.slot, record.proof);
      need(revision < chain.anchored.length && digest && R.batchDigest(top, record.time).equals(digest), at + 'the anchor is not in its batch');
    }
  }
}

const CHECKS = [checkFile, checkReadings, checkTerms, checkAmounts, checkCommitments, checkPosting, checkChain];

// With a chain, checks 2 to 5 take binding, membership and terms from it; check 7 compares the file's copies with them.
function onChain(bundle, { bindings, memberships }) {
  const meters = bundle.meters.map((m) => ({ ...m, binding: bindings.find((b) => b.id === m.binding.id) ?? m.binding }));
  const agreements = bundle.agreements.map((a) => {
    const { terms, ...membership } = memberships.find((m) => m.agreement === a.membership.agreement) ?? { ...a.membership, terms: a.terms };
    return { ...a, membership, terms };
  });
  return { ...bundle, meters, agreements };
}

// {checks: [{number, state: 'ok' | 'failed' | 'not checked', why}], verdict}. Only the community file's values enter the checks from 2 on, never the bundle's copy.
export function verify({ bundle: file, community, facts: chain = null, member = null, own = {}, pinned = [] }) {
  const bundle = read(BUNDLE, file, 'bundle'), facts = chain && read(FACTS, chain, 'facts'), { header } = bundle;
  if (facts && !(facts.community.equals(community.id) && facts.depth === community.depth && facts.offset_hours === community.offset_hours)) throw new Unreadable('the chain facts are of another community');
  const c = { bundle: facts ? onChain(bundle, facts) : bundle, file: bundle, community, facts, header, member, own, domain: R.separator(community.chain_id, community.registry),
    expected: { community: community.id, window: header.window, slots: R.slotCount(header.window, community.offset_hours) } };
  const checks = CHECKS.map((check, i) => {
    try { const why = check(c); return { number: i + 1, state: why ? 'not checked' : 'ok', why: why ?? '' }; } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { number: i + 1, state: 'failed', why: error.message };
    }
  });
  const attested = facts?.posting.attested_by.some((a) => pinned.includes(R.hex(a)));
  const verdict = checks.some((x) => x.state === 'failed') ? 'NOT VERIFIED' : checks.some((x) => x.state === 'not checked') ? 'INCOMPLETE'
    : facts.posting.state === 1 ? 'NOT FINAL YET' : attested ? 'VERIFIED' : 'CONSISTENT';
  return { checks, verdict, first: checks.find((x) => x.state === 'failed')?.number ?? null };
}

export const EXIT = { VERIFIED: 0, CONSISTENT: 0, 'NOT VERIFIED': 3, 'NOT FINAL YET': 4, INCOMPLETE: 5 };
export const files = { bundle: (path) => schema(path, 'lindenstrom/bundle@v1'), facts: (path) => schema(path, 'lindenstrom/chain-facts@v1'), community: readCommunity, copy: (value) => read(COMMUNITY, value, 'community') };

function main(args) {
  const options = { pinned: [] }, paths = [];
  for (let i = 0; i < args.length; i++) {
    if (!args[i].startsWith('--')) paths.push(args[i]);
    else if (args[i] === '--pinned') options.pinned.push(args[++i]?.toLowerCase());
    else if (['--community', '--chain', '--member', '--own'].includes(args[i]) && args[i + 1] !== undefined) options[args[i].slice(2)] = args[++i];
    else throw new Unreadable(`unknown option ${args[i]}`);
  }
  if (paths.length !== 1 || !options.community) throw new Unreadable('usage: verify.mjs BUNDLE --community FILE [--chain FACTS.json] [--member N] [--own FILE.json] [--pinned ADDRESS]...');
  if (options.member !== undefined && !/^\d+$/.test(options.member)) throw new Unreadable('--member is not a number');
  const result = verify({ bundle: files.bundle(paths[0]), community: files.community(options.community), facts: options.chain ? files.facts(options.chain) : null,
    member: options.member === undefined ? null : Number(options.member), own: options.own ? json(options.own) : {}, pinned: options.pinned });
  for (const { number, state, why } of result.checks) console.log(`${number} ${state}${why ? ': ' + why : ''}`);
  console.log(result.verdict + (result.first ? `, first failed check: ${result.first}` : ''));
  return EXIT[result.verdict];
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try { process.exitCode = main(process.argv.slice(2)); } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    console.error(error.message);
    process.exitCode = 5;
  }
}
