import { computed, type ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Drive } from '@tidemark/http/client';
import { formatBytes, formatCount, formatRate } from '../model/format.ts';
import { severityOf } from '../model/warnings.ts';
import { driveSignal, historyOf, now } from '../state/store.ts';
import { BitmapTable } from './bitmap-table.tsx';
import { HeatMap } from './heat-map.tsx';
import { HeatState } from './heat-state.ts';
import { Sparkline } from './sparkline.tsx';

export function DriveCard({ name }: { readonly name: string }) {
  const source = driveSignal(name);
  if (source.value === undefined) return null;
  return <Card first={source.value} source={source} />;
}

interface CardProps {
  readonly first: Drive;
  readonly source: ReadonlySignal<Drive | undefined>;
}

/** The drive as it was last known: what draws it may run once more after it has gone. */
function heldDrive(first: Drive, source: CardProps['source']): ReadonlySignal<Drive> {
  let last = first;
  return computed(() => (last = source.value ?? last));
}

function Card({ first, source }: CardProps) {
  const held = useMemo(() => heldDrive(first, source), [source]);
  const drive = held.value;
  const state = useMemo(() => new HeatState(held), [held]);
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    // A little before it is scrolled into sight.
    const watch = new IntersectionObserver(
      ([entry]) => (state.visible.value = entry?.isIntersecting === true),
      { rootMargin: '100px' },
    );
    watch.observe(card.current!);
    return () => watch.disconnect();
  }, [state]);
  const id = `drive-${encodeURIComponent(drive.name)}`;
  return (
    <article class="card" id={id} ref={card} tabIndex={-1} aria-labelledby={`${id}-name`}>
      <header>
        <h3 id={`${id}-name`}>{drive.name}</h3>
        <span class="size">{formatBytes(drive.size)}</span>
        <span class="pill quiet">{drive.driver}</span>
        {!drive.writable && <span class="pill quiet">read-only</span>}
        {drive.warnings.length > 0 && (
          <span class={`pill ${isInDanger(drive) ? 'danger' : 'warn'}`}>
            {drive.warnings.length === 1 ? 'warning' : 'warnings'}
          </span>
        )}
        <span class="file" title={drive.file}>
          {drive.file}
        </span>
        <WriteRate drive={drive} state={state} />
      </header>
      <HeatMap state={state} />
      <BitmapTable drive={drive} />
    </article>
  );
}

const isInDanger = ({ warnings }: Drive): boolean =>
  warnings.some(({ code }) => severityOf(code) === 'danger');

function WriteRate({ drive, state }: { readonly drive: Drive; readonly state: HeatState }) {
  const { bytesPerSecond, requestsPerSecond, bytes } = drive.writes;
  return (
    <div class="rate" title={`${formatBytes(bytes)} written since the start`}>
      {state.visible.value && (
        <span aria-hidden="true">
          <Sparkline history={historyOf(drive.name)} at={now.value} width={90} height={22} />
        </span>
      )}
      <span>
        <span class="unseen">Writes: </span>
        <b>{formatRate(bytesPerSecond)}</b> <small>{formatCount(requestsPerSecond)}/s</small>
      </span>
    </div>
  );
}
