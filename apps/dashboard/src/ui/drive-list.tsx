import { useComputed, useSignal } from '@preact/signals';
import { chosen } from '../model/chosen.ts';
import { SORT_KEYS, sortDrives, type SortKey } from '../model/sort-drives.ts';
import { drives } from '../state/store.ts';
import { DriveCard } from './drive-card.tsx';

export function DriveList() {
  const filter = useSignal('');
  const key = useSignal<SortKey>('warnings');
  const names = useComputed(() => sortDrives(drives.value, key.value, filter.value));
  return (
    <section
      class="drives"
      id="drives"
      tabIndex={-1}
      aria-labelledby="drives-title"
      data-region="drives"
    >
      <div class="section-head">
        <h2 id="drives-title">Drives</h2>
        <span class="spring" />
        <label class="field">
          Filter
          <input
            type="search"
            value={filter.value}
            onInput={(event) => (filter.value = event.currentTarget.value)}
          />
        </label>
        <label class="field">
          Sort
          <select
            value={key.value}
            onChange={(event) => (key.value = chosen(SORT_KEYS, event.currentTarget.value))}
          >
            <option value="warnings">warnings first</option>
            <option value="dirty">most dirty first</option>
            <option value="writes">most written first</option>
            <option value="name">by name</option>
          </select>
        </label>
      </div>
      {names.value.map((name) => (
        <DriveCard key={name} name={name} />
      ))}
      {names.value.length === 0 && (
        <p class="empty">
          {drives.value.length === 0
            ? 'The daemon serves no drive.'
            : 'No drive has that in its name.'}
        </p>
      )}
    </section>
  );
}
