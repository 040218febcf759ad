import { TidemarkClient } from '@tidemark/http/client';
import { currentToken } from '../state/session.ts';

/** Called with each piece of an answer's body, comments that only keep a stream alive included. */
const watchers = new Set<() => void>();

/** Begins to listen to all that arrives; what is returned ends it. */
export function onArrival(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

async function watchedFetch(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, cache: 'no-store' });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      for (const watcher of watchers) watcher();
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body?.pipeThrough(watch) ?? null, response);
}

export const client = new TidemarkClient({
  // Beside the page, also where a proxy has put it below a path of its own.
  url: new URL('.', document.baseURI).href.replace(/\/$/, ''),
  fetch: watchedFetch,
  // Asked for with each request: a person may give another one.
  get token() {
    return currentToken();
  },
});
