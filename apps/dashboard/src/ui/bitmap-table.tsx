import type { Bitmap, Drive } from '@tidemark/http/client';
import { formatBytes, formatShare } from '../model/format.ts';
import { writable } from '../state/store.ts';
import { openDialog, type BitmapVerb } from './dialogs.tsx';

export function BitmapTable({ drive }: { readonly drive: Drive }) {
  if (drive.bitmaps.length === 0) {
    return (
      <div class="line">
        <p class="empty">No bitmap: nothing remembers what is written here.</p>
        <span class="spring" />
        {writable.value && <Add drive={drive.name} />}
      </div>
    );
  }
  return (
    <table class="bitmaps">
      <caption class="unseen">Bitmaps of {drive.name}</caption>
      <thead>
        <tr>
          <th scope="col">Bitmap</th>
          <th scope="col">Dirty</th>
          <th scope="col" class="wide">
            Granularity
          </th>
          <th scope="col">State</th>
          {writable.value && (
            <td class="actions">
              <Add drive={drive.name} />
            </td>
          )}
        </tr>
      </thead>
      <tbody>
        {drive.bitmaps.map((bitmap) => (
          <Row key={bitmap.name} drive={drive} bitmap={bitmap} />
        ))}
      </tbody>
    </table>
  );
}

function Add({ drive }: { readonly drive: string }) {
  return (
    <button type="button" class="quiet" onClick={() => openDialog({ kind: 'add', drive })}>
      Add a bitmap<span class="unseen"> to {drive}</span>
    </button>
  );
}

interface RowProps {
  readonly drive: Drive;
  readonly bitmap: Bitmap;
}

function Row({ drive, bitmap }: RowProps) {
  return (
    <tr class={bitmap.inconsistent ? 'inconsistent' : ''}>
      <th scope="row">{bitmap.name}</th>
      <td class="dirty">
        {bitmap.inconsistent || bitmap.loading === true ? (
          <>{bitmap.inconsistent ? 'not known' : 'being read'}</>
        ) : (
          <>
            <span>{formatBytes(bitmap.dirtyBytes)}</span>
            <small>{formatShare(bitmap.dirtyBytes, drive.size)}</small>
            <Bar part={bitmap.dirtyBytes} whole={drive.size} />
          </>
        )}
      </td>
      <td class="wide">{formatBytes(bitmap.granularity)}</td>
      <td>
        <Flags bitmap={bitmap} />
      </td>
      {writable.value && (
        <td class="actions">
          <Actions drive={drive} bitmap={bitmap} />
        </td>
      )}
    </tr>
  );
}

function Bar({ part, whole }: { readonly part: number; readonly whole: number }) {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  const width = share === 0 ? 0 : Math.max(1, share * 60);
  return (
    <svg class="bar" width="60" height="6" aria-hidden="true">
      <rect class="all" width="60" height="6" rx="1" />
      <rect class="part" width={width} height="6" rx="1" />
    </svg>
  );
}

function Flags({ bitmap }: { readonly bitmap: Bitmap }) {
  const { recovered } = bitmap;
  return (
    <span class="flags">
      {bitmap.inconsistent ? (
        <span class="pill danger">inconsistent</span>
      ) : (
        <span class={`pill ${bitmap.recording ? 'good' : 'off'}`}>
          {bitmap.recording ? 'recording' : 'off'}
        </span>
      )}
      {bitmap.busy && <span class="pill busy">busy</span>}
      {!bitmap.persistent && (
        <span class="pill quiet" title="Lost when the daemon ends">
          in memory
        </span>
      )}
      {recovered !== undefined && (
        <span
          class="pill warn"
          title={`${formatBytes(recovered.wholeRegionBytes)} of it are dirty because of the crash`}
        >
          recovered
        </span>
      )}
    </span>
  );
}

function Actions({ drive, bitmap }: RowProps) {
  const button = (verb: BitmapVerb, label: string, disabled: boolean) => (
    <button
      type="button"
      class={verb === 'remove' ? 'quiet danger' : 'quiet'}
      disabled={disabled}
      onClick={() => openDialog({ kind: 'bitmap', verb, drive: drive.name, bitmap: bitmap.name })}
    >
      {label}
      <span class="unseen"> bitmap {bitmap.name}</span>
    </button>
  );
  const stuck = bitmap.busy || bitmap.inconsistent;
  return (
    <>
      {bitmap.recording ? button('disable', 'Stop', stuck) : button('enable', 'Record', stuck)}
      {button('clear', 'Clear', stuck)}
      {button('remove', 'Remove', bitmap.busy)}
    </>
  );
}
