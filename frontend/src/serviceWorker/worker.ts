/// <reference lib="webworker" />
import { keepShared, SHARE_FIELD, SHARE_PATH, SHARED_PAGE } from './sharedFiles';

declare const self: ServiceWorkerGlobalScope;
/** The files of this build and a digest of their contents. The build fills them in. */
declare const BUILD: { digest: string; files: string[] };

const { digest, files } = BUILD;
const PREFIX = 'tinypixo-page-';
const CACHE = PREFIX + digest;

/** Time in which the network has to answer before the copy of the page is shown. */
const NETWORK_TIMEOUT_MS = 4_000;

interface RoutingEvent extends ExtendableEvent {
  addRoutes?(rules: object[]): Promise<void>;
}

// A worker never skips waiting: pages of the previous version may still load files of their copy.
self.addEventListener('install', (event: RoutingEvent) => {
  // Requests to the services and parts of uploads do not wait for this worker.
  const conditions = [{ urlPattern: { pathname: '/api/*' } }, { requestMethod: 'PUT' }];
  const rules = conditions.map((condition) => ({ condition, source: 'network' }));
  event.waitUntil(
    Promise.all([
      event.addRoutes?.(rules)?.catch(() => undefined),
      caches.open(CACHE).then((cache) => cache.addAll(files)),
    ]),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([deleteOldCaches(), self.registration.navigationPreload?.enable()]));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.method === 'POST' && pathname === SHARE_PATH) {
    event.respondWith(takeShared(request));
  } else if (request.method === 'GET' && files.includes(pathname)) {
    const isImmutable = pathname.startsWith('/assets/');
    event.respondWith(isImmutable ? copyOf(request) : newest(request, event.preloadResponse));
  }
});

async function deleteOldCaches(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/**
 * Keep what the system sends, and nothing that a page of another site sends.
 *
 * A share of the system may have the origin "null". So may such a page, if it hides its address:
 * therefore the page asks before it adds a file.
 */
async function takeShared(request: Request): Promise<Response> {
  const origin = request.headers.get('Origin') ?? 'null';
  if (origin !== 'null' && origin !== self.location.origin) return Response.redirect('/', 303);
  const shared = (await request.formData()).getAll(SHARE_FIELD);
  await keepShared(shared.filter((each) => each instanceof File));
  return Response.redirect(SHARED_PAGE, 303);
}

const findCopy = async (request: Request) =>
  (await caches.open(CACHE)).match(request, { ignoreSearch: true });

/** Return the copy of a file whose name contains a digest of its content. */
const copyOf = async (request: Request) => (await findCopy(request)) ?? fetch(request);

/** Return a file from the network, or its copy if the network or the gateway does not answer. */
async function newest(request: Request, preloaded: Promise<unknown>): Promise<Response> {
  const copy = await findCopy(request);
  const answer = (async () => ((await preloaded) as Response | undefined) ?? fetch(request))();
  if (!copy) return answer;
  const late = new Promise<Response>((resolve) => setTimeout(resolve, NETWORK_TIMEOUT_MS, copy));
  const current = answer.then((response) => (response.status < 500 ? response : copy));
  return Promise.race([current, late]).catch(() => copy);
}
