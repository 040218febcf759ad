import type { Export } from '@tidemark/http/client';
import { formatBytes, formatCount, plural } from '../model/format.ts';
import { exportsOf } from '../state/store.ts';

export function ExportsPanel() {
  const { address, exports } = exportsOf.value;
  return (
    <section class="panel" aria-labelledby="exports-title" data-region="exports">
      <h2 id="exports-title">Exports</h2>
      {address !== undefined && <p class="address">{address}</p>}
      {exports.length === 0 && <p class="empty">None.</p>}
      <ul class="exports">
        {exports.map((one) => (
          <ExportItem key={one.id} one={one} />
        ))}
      </ul>
    </section>
  );
}

function ExportItem({ one }: { readonly one: Export }) {
  const errors = one.counts.reduce((sum, { errors }) => sum + errors, 0);
  const moved = one.counts
    .filter(({ bytes }) => bytes > 0)
    .map(({ kind, bytes }) => `${kind} ${formatBytes(bytes)}`);
  return (
    <li>
      <div class="line">
        <b>{one.name}</b>
        {one.readOnly && <span class="pill quiet">read-only</span>}
        {errors > 0 && <span class="pill danger">{plural(errors, 'error')}</span>}
        <span class="spring" />
        <span class={one.clients > 0 ? 'clients' : 'clients none'}>
          {one.clients === 0 ? 'no client' : plural(one.clients, 'client')}
        </span>
      </div>
      <small>
        {[
          ...(one.drive === one.name ? [] : [`drive ${one.drive}`]),
          ...moved,
          ...(one.bitmaps.length === 0 ? [] : [`shows ${one.bitmaps.join(', ')}`]),
        ].join(', ') || `${formatCount(0)} requests yet`}
      </small>
    </li>
  );
}
