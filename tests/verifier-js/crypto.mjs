// Keccak-256 and ECDSA over secp256k1 and P-256, written out so that the verifier needs nothing but node. Not constant time: it sees public values only.

const RC = [];
for (let round = 0, lfsr = 1; round < 24; round++) {
  const word = [0, 0];
  for (let j = 0; j < 7; j++) {
    if (lfsr & 1) { const bit = (1 << j) - 1; word[bit >> 5] |= 1 << (bit & 31); }
    lfsr = (lfsr << 1) ^ (lfsr & 0x80 ? 0x171 : 0);
  }
  RC.push(word);
}

// Lanes are pairs of 32-bit words, low word first.
function permute(s) {
  const c = new Int32Array(10);
  for (const [low, high] of RC) {
    for (let x = 0; x < 10; x++) c[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
    for (let x = 0; x < 5; x++) {
      const a = 2 * ((x + 1) % 5), b = 2 * ((x + 4) % 5);
      const lo = c[b] ^ ((c[a] << 1) | (c[a + 1] >>> 31)), hi = c[b + 1] ^ ((c[a + 1] << 1) | (c[a] >>> 31));
      for (let y = 0; y < 50; y += 10) { s[2 * x + y] ^= lo; s[2 * x + y + 1] ^= hi; }
    }
    let x = 1, y = 0, lo = s[2], hi = s[3];
    for (let t = 1; t <= 24; t++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const at = 2 * (x + 5 * y), turn = (t * (t + 1) / 2) % 64, r = turn & 31;
      if (turn >= 32) [lo, hi] = [hi, lo];
      const a = r ? (lo << r) | (hi >>> (32 - r)) : lo, b = r ? (hi << r) | (lo >>> (32 - r)) : hi;
      [lo, hi] = [s[at], s[at + 1]];
      s[at] = a; s[at + 1] = b;
    }
    for (let row = 0; row < 50; row += 10) {
      const old = s.slice(row, row + 10);
      for (let i = 0; i < 10; i++) s[row + i] = old[i] ^ (~old[(i + 2) % 10] & old[(i + 4) % 10]);
    }
    s[0] ^= low; s[1] ^= high;
  }
}

export function keccak(...parts) {
  const data = Buffer.concat(parts), rate = 136;
  const padded = Buffer.alloc((Math.floor(data.length / rate) + 1) * rate);
  data.copy(padded);
  padded[data.length] ^= 1;
  padded[padded.length - 1] ^= 0x80;
  const state = new Int32Array(50);
  for (let at = 0; at < padded.length; at += rate) {
    for (let i = 0; i < rate / 4; i++) state[i] ^= padded.readInt32LE(at + 4 * i);
    permute(state);
  }
  const out = Buffer.alloc(32);
  for (let i = 0; i < 8; i++) out.writeInt32LE(state[i], 4 * i);
  return out;
}

const SECP256K1 = {
  p: 2n ** 256n - 2n ** 32n - 977n, a: 0n, b: 7n,
  n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  g: [0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n, 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n],
};
const P256 = {
  p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n, a: -3n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  g: [0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n, 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n],
};

const mod = (x, m) => ((x % m) + m) % m;

function inverse(x, m) {
  let [a, b, u, v] = [mod(x, m), m, 1n, 0n];
  while (b) { const q = a / b; [a, b, u, v] = [b, a - q * b, v, u - q * v]; }
  return mod(u, m);
}

function power(base, exponent, m) {
  let result = 1n;
  for (base = mod(base, m); exponent; exponent >>= 1n, base = base * base % m) if (exponent & 1n) result = result * base % m;
  return result;
}

// Jacobian points [X, Y, Z]; Z = 0 is infinity.
function double({ p, a }, [x, y, z]) {
  const yy = y * y % p, s = 4n * x * yy % p, zz = z * z % p, m = (3n * x * x + a * zz * zz) % p;
  const x3 = mod(m * m - 2n * s, p);
  return [x3, mod(m * (s - x3) - 8n * yy * yy, p), mod(2n * y * z, p)];
}

function add(curve, [x1, y1, z1], [x2, y2, z2]) {
  const { p } = curve;
  if (!z1) return [x2, y2, z2];
  if (!z2) return [x1, y1, z1];
  const q1 = z1 * z1 % p, q2 = z2 * z2 % p;
  const u = x1 * q2 % p, h = mod(x2 * q1 - u, p), s = y1 * q2 * z2 % p, r = mod(y2 * q1 * z1 - s, p);
  if (!h) return r ? [1n, 1n, 0n] : double(curve, [x1, y1, z1]);
  const hh = h * h % p, hhh = h * hh % p, v = u * hh % p, x3 = mod(r * r - hhh - 2n * v, p);
  return [x3, mod(r * (v - x3) - s * hhh, p), h * z1 % p * z2 % p];
}

// k·G + l·Q, affine, or null for infinity.
function combine(curve, k, l, [qx, qy]) {
  const g = [...curve.g, 1n], q = [qx, qy, 1n], both = add(curve, g, q);
  let sum = [1n, 1n, 0n];
  for (let i = 255n; i >= 0n; i--) {
    sum = double(curve, sum);
    const bits = (k >> i & 1n) + 2n * (l >> i & 1n);
    if (bits) sum = add(curve, sum, bits === 1n ? g : bits === 2n ? q : both);
  }
  if (!sum[2]) return null;
  const z = inverse(sum[2], curve.p), zz = z * z % curve.p;
  return [sum[0] * zz % curve.p, sum[1] * zz % curve.p * z % curve.p];
}

const number = (bytes) => BigInt('0x' + (bytes.toString('hex') || '0'));
const word = (x) => Buffer.from(x.toString(16).padStart(64, '0'), 'hex');

// The address that signed, or null. 65 bytes r, s, v; s in the lower half.
export function recover(digest, signature) {
  const { p, n, b } = SECP256K1;
  if (signature.length !== 65) return null;
  const r = number(signature.subarray(0, 32)), s = number(signature.subarray(32, 64)), v = signature[64];
  if ((v !== 27 && v !== 28) || !r || r >= n || !s || s > n / 2n) return null;
  const square = (r * r * r + b) % p;
  let y = power(square, (p + 1n) / 4n, p);
  if (y * y % p !== square) return null;
  if (Number(y & 1n) !== v - 27) y = p - y;
  const inv = inverse(r, n);
  const key = combine(SECP256K1, mod(-number(digest) * inv, n), s * inv % n, [r, y]);
  return key && keccak(word(key[0]), word(key[1])).subarray(12);
}

// 64 bytes r, s by the key x, y.
export function verifyP256(digest, signature, key) {
  const { p, n, a, b } = P256;
  if (signature.length !== 64 || key.length !== 64) return false;
  const r = number(signature.subarray(0, 32)), s = number(signature.subarray(32));
  const x = number(key.subarray(0, 32)), y = number(key.subarray(32));
  if (!r || r >= n || !s || s >= n || x >= p || y >= p || mod(y * y - (x * x * x + a * x + b), p)) return false;
  const inv = inverse(s, n), point = combine(P256, number(digest) * inv % n, r * inv % n, [x, y]);
  return point !== null && point[0] % n === r;
}
