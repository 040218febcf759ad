import { useSignal } from '@preact/signals';
import type { NewBitmap } from '@tidemark/http/client';
import { formatBytes } from '../model/format.ts';
import { client } from '../api/client.ts';
import { announce } from '../state/store.ts';
import { Modal } from './modal.tsx';

const GRANULARITIES = [4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

export function AddBitmap({
  drive,
  close,
}: {
  readonly drive: string;
  readonly close: (done: boolean) => void;
}) {
  const name = useSignal('');
  const granularity = useSignal('');
  const persistent = useSignal(true);
  const recording = useSignal(true);
  const action = async (): Promise<void> => {
    const wanted: NewBitmap = {
      name: name.value.trim(),
      persistent: persistent.value,
      disabled: !recording.value,
      ...(granularity.value === '' ? {} : { granularity: Number(granularity.value) }),
    };
    await client.addBitmap(drive, wanted);
    announce([`bitmap ${wanted.name} added on ${drive}`]);
  };
  return (
    <Modal title={`Add a bitmap to ${drive}`} confirm="Add" action={action} close={close}>
      <label for="bitmap-name">Name</label>
      <input
        id="bitmap-name"
        required
        maxLength={1023}
        autocomplete="off"
        spellcheck={false}
        autofocus
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <label for="bitmap-granularity">Granularity</label>
      <select
        id="bitmap-granularity"
        value={granularity.value}
        onChange={(event) => (granularity.value = event.currentTarget.value)}
      >
        <option value="">as the drive suggests</option>
        {GRANULARITIES.map((bytes) => (
          <option key={bytes} value={bytes}>
            {formatBytes(bytes)}
          </option>
        ))}
      </select>
      <Check label="Keep it when the daemon ends" state={persistent} />
      <Check label="Record from now on" state={recording} />
    </Modal>
  );
}

function Check({ label, state }: { readonly label: string; readonly state: { value: boolean } }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={state.value}
        onChange={(event) => (state.value = event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
