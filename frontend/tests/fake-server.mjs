/**
 * A stand-in for the four services and for storage, to see and drive the page without them: a helper of
 * development and tests, never part of the product. Plays the HTTP contract from memory, on two origins.
 *
 *   node tests/fake-server.mjs [port]       the API and dist/ on port (8000), "S3" on port + 1
 *
 * POST /__fault {…} switches trouble on: s3: ok|down|denied|slow, events: ok|refuse|mute, api: ok|busy, convert: ok|fail|slow, rate: bytes/s.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { servePage, tone } from './fake-page.mjs';

const PORT = Number(process.argv[2] ?? 8000);
const PART = 5 * 1024 * 1024;
const LIFE_MS = 24 * 3600 * 1000;
const fault = { s3: 'ok', events: 'ok', api: 'ok', convert: 'ok', rate: 0 };
const uploads = new Map();
const conversions = new Map();
const streams = new Set();
const keys = new Map();
const counts = { sessions: 0, parts: {}, creates: 0 };

const id = (kind) => `${kind}_${randomBytes(9).toString('base64url')}`;
const now = () => new Date().toISOString();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const lossy = { bitrate: ['64k', '96k', '128k', '160k', '192k', '224k', '256k', '320k'], channels: [1, 2] };
const rates = [8000, 16000, 22050, 32000, 44100, 48000];
const formats = [
  ['mp3', 'mp3', 'audio/mpeg', false, { ...lossy, quality: { min: 0, max: 9, default: 2, best: 0 }, sample_rate: rates }],
  ['wav', 'wav', 'audio/wav', true, { sample_rate: [...rates, 96000], channels: [1, 2, 6], bit_depth: [16, 24, 32] }],
  ['flac', 'flac', 'audio/flac', true, { sample_rate: [...rates, 96000], channels: [1, 2, 6], bit_depth: [16, 24] }],
  ['aac', 'aac', 'audio/aac', false, { ...lossy, sample_rate: rates }],
  ['m4a', 'm4a', 'audio/mp4', false, { ...lossy, sample_rate: rates }],
  ['ogg', 'ogg', 'audio/ogg', false, { ...lossy, quality: { min: 0, max: 10, default: 5, best: 10 }, sample_rate: rates }],
  ['opus', 'opus', 'audio/ogg', false, { ...lossy, sample_rate: [8000, 16000, 24000, 48000] }],
].map(([format, extension, media_type, lossless, options]) => ({ format, extension, media_type, lossless, options }));

function showUpload(u) {
  const completed_parts = [...u.parts.keys()].sort((a, b) => a - b);
  const uploaded_bytes = [...u.parts.values()].reduce((a, b) => a + b, 0);
  const { owner, parts, asked, ...rest } = u;
  return { ...rest, completed_parts, uploaded_bytes, percent: Math.round((1000 * uploaded_bytes) / u.size) / 10 };
}
const showConversion = ({ owner, stop, ...rest }) => rest;

function progressOf(thing) {
  if (thing.id.startsWith('upl')) {
    const { id: name, status, percent, uploaded_bytes, size, completed_parts, part_count, error, version } = showUpload(thing);
    return { id: name, kind: 'upload', status, phase: status === 'uploading' ? 'uploading' : 'done', percent, uploaded_bytes, size, completed_parts: completed_parts.length, part_count, error, version, updated_at: thing.updated_at };
  }
  const { id: name, status, phase, percent, eta_seconds, speed, queue_position, error, version } = thing;
  return { id: name, kind: 'conversion', status, phase, percent, eta_seconds, speed, queue_position, error, version, updated_at: now() };
}

function tell(owner, name, event, data) {
  if (fault.events === 'mute') return;
  for (const stream of streams) if (stream.owner === owner) stream.response.write(`event: ${name}\nid: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
function changed(thing, change = {}) {
  Object.assign(thing, change, { version: thing.version + 1, updated_at: now() });
  tell(thing.owner, 'progress', `${thing.id}:${thing.version}`, progressOf(thing));
}

async function convert(conversion, upload) {
  const duration = Math.max(3, Math.round(upload.size / 176400));
  const steps = fault.convert === 'slow' ? 60 : 8;
  const still = () => conversions.has(conversion.id) && !conversion.stop;
  changed(conversion, { phase: 'queued', queue_position: 2 });
  await sleep(fault.convert === 'slow' ? 2500 : 300);
  if (!still()) return;
  changed(conversion, { status: 'converting', phase: 'probing', queue_position: null, started_at: now(), attempts: 1 });
  await sleep(400);
  if (fault.convert === 'fail') {
    const error = { code: 'no_audio_stream', detail: 'There is no sound in this file: it has a picture, but no audio track.' };
    return changed(conversion, { status: 'failed', phase: 'done', error, finished_at: now() });
  }
  for (let step = 1; step <= steps; step++) {
    if (!still()) return;
    changed(conversion, { phase: 'converting', percent: Math.round((95 * step) / steps), speed: 41.6, eta_seconds: (steps - step) * 0.4 });
    await sleep(400);
  }
  if (!still()) return;
  changed(conversion, { phase: 'storing', percent: 97, speed: null, eta_seconds: 1 });
  await sleep(400);
  if (!still()) return;
  const format = formats.find((each) => each.format === conversion.format);
  const filename = upload.filename.replace(/\.[^.]*$/, '') + '.' + format.extension;
  const warnings = format.format === 'opus' && duration > 2 ? ['Opus takes 48 kHz: the sound was resampled from 44.1 kHz.'] : [];
  changed(conversion, { status: 'completed', phase: 'done', percent: 100, eta_seconds: null, finished_at: now(), warnings, output: { filename, size: Math.round(upload.size * (format.lossless ? 0.62 : 0.136)), media_type: format.media_type, duration, sha256: '0'.repeat(64) } });
}

function newConversion(owner, upload, { format, upload_id, filename, ...options }) {
  const conversion = { id: id('cnv'), owner, upload_id: upload.id, status: 'queued', phase: 'waiting', percent: 0, format, options, warnings: [], attempts: 0, version: 1, created_at: now(), expires_at: upload.expires_at };
  conversions.set(conversion.id, conversion);
  upload.conversions.push(conversion.id);
  tell(owner, 'progress', `${conversion.id}:1`, progressOf(conversion));
  return conversion;
}

class Problem extends Error {
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.body = { type: `about:blank#${code}`, title: code, status, detail, code, ...more };
  }
}
const notFound = (code) => new Problem(404, code, 'There is nothing here by this name. It may have expired or been deleted.');

function find(map, name, owner, code) {
  const thing = map.get(name);
  if (!thing || thing.owner !== owner) throw notFound(code);
  return thing;
}

async function readBody(request, { slowly = 0 } = {}) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    size += chunk.length;
    if (slowly) await sleep((chunk.length / slowly) * 1000);
  }
  return { bytes: Buffer.concat(chunks), size };
}

function storePart(upload, n, size) {
  const wanted = Math.min(PART, upload.size - (n - 1) * PART);
  if (size !== wanted) throw new Problem(422, 'part_size_mismatch', `Part ${n} must have ${wanted} bytes, not ${size}.`);
  counts.parts[`${upload.id}/${n}`] = (counts.parts[`${upload.id}/${n}`] ?? 0) + 1;
  upload.arrived[n] = size;
}

function removeUpload(upload) {
  for (const name of upload.conversions) removeConversion(name);
  uploads.delete(upload.id);
  tell(upload.owner, 'removed', `${upload.id}:${upload.version + 1}`, { id: upload.id });
}
function removeConversion(name) {
  const conversion = conversions.get(name);
  if (!conversion) return;
  conversion.stop = true;
  conversions.delete(name);
  tell(conversion.owner, 'removed', `${name}:${conversion.version + 1}`, { id: name });
}

async function api(request, response, owner, path) {
  const method = request.method;
  const json = async () => JSON.parse((await readBody(request)).bytes.toString() || '{}');
  const route = `${method} ${path.replace(/\/(upl|cnv)_[^/]+/g, '/:id').replace(/\/parts\/\d+$/, '/parts/:n')}`;
  const name = /\/((?:upl|cnv)_[^/]+)/.exec(path)?.[1];
  const part = Number(/\/parts\/(\d+)$/.exec(path)?.[1]);
  const upload = () => find(uploads, name, owner, 'upload_not_found');
  const conversion = () => find(conversions, name, owner, 'conversion_not_found');
  const mine = (map) => [...map.values()].filter((each) => each.owner === owner).reverse();
  switch (route) {
    case 'GET /api/formats':
      return { formats };
    case 'GET /api/uploads':
      return { items: mine(uploads).map(({ arrived, ...rest }) => showUpload(rest)), next: null };
    case 'GET /api/conversions':
      return { items: mine(conversions).map(showConversion), next: null };
    case 'POST /api/uploads': {
      const { filename, size, content_type, convert: asked } = await json();
      counts.creates++;
      if (size > 5 * 1024 ** 3) throw new Problem(413, 'file_too_large', 'The file is larger than the 5 GiB that we take.');
      const it = { id: id('upl'), owner, status: 'uploading', filename, size, content_type, part_size: PART, part_count: Math.ceil(size / PART), parts: new Map(), arrived: {}, conversions: [], version: 1, created_at: now(), updated_at: now(), expires_at: new Date(Date.now() + LIFE_MS).toISOString() };
      uploads.set(it.id, it);
      for (const each of [asked ?? []].flat()) newConversion(owner, it, each);
      tell(owner, 'progress', `${it.id}:1`, progressOf(it));
      response.statusCode = 201;
      return view(it);
    }
    case 'GET /api/uploads/:id':
      return view(upload());
    case 'DELETE /api/uploads/:id':
      removeUpload(upload());
      response.statusCode = 204;
      return undefined;
    case 'POST /api/uploads/:id/parts/sign': {
      const it = upload();
      const { part_numbers } = await json();
      const host = (request.headers.host ?? '').split(':')[0];
      return { parts: part_numbers.map((n) => ({ part_number: n, url: `http://${host}:${PORT + 1}/bucket/${it.id}/${n}?X-Amz-Signature=${randomBytes(4).toString('hex')}`, headers: {}, expires_at: new Date(Date.now() + 600_000).toISOString() })) };
    }
    case 'PUT /api/uploads/:id/parts/:n': {
      const it = upload();
      storePart(it, part, (await readBody(request, { slowly: fault.rate })).size);
      if (!it.parts.has(part)) changed((it.parts.set(part, it.arrived[part]), it));
      return view(it);
    }
    case 'POST /api/uploads/:id/parts/:n': {
      const it = upload();
      if (!it.arrived[part]) throw new Problem(409, 'upload_incomplete', `Part ${part} has not arrived in storage.`);
      if (!it.parts.has(part)) changed((it.parts.set(part, it.arrived[part]), it));
      return view(it);
    }
    case 'POST /api/uploads/:id/complete': {
      const it = upload();
      if (it.status === 'uploaded') return view(it);
      const missing = Array.from({ length: it.part_count }, (_, i) => i + 1).filter((n) => !it.arrived[n]);
      if (missing.length) throw new Problem(409, 'upload_incomplete', 'Some parts are missing.', { missing_parts: missing });
      changed(it, { status: 'uploaded' });
      for (const each of it.conversions) void convert(conversions.get(each), it);
      return view(it);
    }
    case 'POST /api/conversions': {
      const asked = await json();
      const key = request.headers['idempotency-key'];
      if (key && keys.has(key)) return showConversion(keys.get(key));
      const source = find(uploads, asked.upload_id, owner, 'upload_not_found');
      const it = newConversion(owner, source, asked);
      if (key) keys.set(key, it);
      if (source.status === 'uploaded') void convert(it, source);
      response.statusCode = 202;
      return showConversion(it);
    }
    case 'GET /api/conversions/:id':
      return showConversion(conversion());
    case 'POST /api/conversions/:id/cancel': {
      const it = conversion();
      if (['completed', 'failed', 'cancelled'].includes(it.status)) throw new Problem(409, 'conversion_finished', 'This conversion has ended already.');
      it.stop = true;
      setTimeout(() => changed(it, { status: 'cancelled', phase: 'done', eta_seconds: null, speed: null }), 500);
      response.statusCode = 202;
      return showConversion(it);
    }
    case 'DELETE /api/conversions/:id':
      conversion();
      removeConversion(name);
      response.statusCode = 204;
      return undefined;
    case 'GET /api/conversions/:id/download': {
      const it = conversion();
      const disposition = request.url.includes('inline=1') ? 'inline' : `attachment; filename*=UTF-8''${encodeURIComponent(it.output.filename)}`;
      response.writeHead(200, { 'Content-Type': 'audio/wav', 'Content-Disposition': disposition });
      return response.end(tone());
    }
    case 'GET /api/progress/:id': {
      const thing = uploads.get(name) ?? conversions.get(name);
      if (!thing || thing.owner !== owner) throw notFound('not_found');
      response.setHeader('ETag', `"${thing.version}"`);
      if (request.headers['if-none-match'] === `"${thing.version}"`) {
        response.writeHead(304).end();
        return response;
      }
      return progressOf(thing);
    }
    case 'GET /api/progress/events': {
      if (fault.events === 'refuse') throw new Problem(503, 'storage_unavailable', 'Events are not available now.');
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write('retry: 1000\n\n');
      const stream = { owner, response };
      streams.add(stream);
      response.on('close', () => streams.delete(stream));
      for (const thing of [...mine(uploads), ...mine(conversions)]) tell(owner, 'progress', `${thing.id}:${thing.version}`, progressOf(thing));
      return response;
    }
    default:
      throw notFound('not_found');
  }
}
const view = ({ arrived, ...rest }) => showUpload(rest);

createServer(async (request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  const host = (request.headers.host ?? '').split(':')[0];
  if (path === '/__fault') {
    if (request.method === 'POST') Object.assign(fault, JSON.parse((await readBody(request)).bytes.toString() || '{}'));
    if (fault.events !== 'ok') for (const stream of streams) if (fault.events === 'refuse') stream.response.end();
    return response.end(JSON.stringify({ fault, counts }));
  }
  if (!path.startsWith('/api/')) return servePage(response, path, `http://${host}:${PORT + 1}`);
  let owner = /sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  if (!owner) {
    owner = randomBytes(8).toString('hex');
    counts.sessions++;
    response.setHeader('Set-Cookie', `sid=${owner}; HttpOnly; SameSite=Lax; Path=/`);
  }
  try {
    if (fault.api === 'busy') throw Object.assign(new Problem(503, 'storage_unavailable', 'Storage does not answer now.'), { retry: 1 });
    const answer = await api(request, response, owner, path);
    if (answer === response) return;
    response.setHeader('Content-Type', 'application/json');
    response.end(answer === undefined ? undefined : JSON.stringify(answer));
  } catch (error) {
    const body = error.body ?? { status: 500, code: 'internal', detail: String(error) };
    if (error.retry) response.setHeader('Retry-After', error.retry);
    if (!response.headersSent) response.writeHead(body.status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify(body));
  }
}).listen(PORT, () => console.log(`page and API on ${PORT}, storage on ${PORT + 1}`));

createServer(async (request, response) => {
  if (fault.s3 === 'down') return request.socket.destroy();
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Allow-Methods', 'PUT, GET');
  response.setHeader('Access-Control-Allow-Headers', '*');
  if (request.method === 'OPTIONS') return response.end();
  const [, name, n] = /\/bucket\/(upl_[^/]+)\/(\d+)/.exec(request.url) ?? [];
  // A page that goes away in the middle of a part leaves nothing behind.
  const { size } = await readBody(request, { slowly: fault.rate }).catch(() => ({ size: -1 }));
  if (size < 0) return;
  const upload = uploads.get(name);
  if (!upload) return response.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>');
  if (fault.s3 === 'denied') return (fault.s3 = 'ok'), response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
  try {
    storePart(upload, Number(n), size);
    response.end();
  } catch {
    response.writeHead(400).end();
  }
}).listen(PORT + 1);
