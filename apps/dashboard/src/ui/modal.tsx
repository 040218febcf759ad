import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ApiError } from '@tidemark/http/client';

/** The dialog's return value where its action was carried out; Escape and Cancel leave none. */
const DONE = 'done';

interface Props {
  readonly title: string;
  readonly confirm: string;
  readonly danger?: boolean;
  /** What is done; the dialog stays, and says why, where it fails. */
  readonly action: () => Promise<void>;
  /** Called when the dialog has gone; `done` where the action was carried out. */
  readonly close: (done: boolean) => void;
  readonly children: ComponentChildren;
}

export function Modal({ title, confirm, danger = false, action, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const busy = useSignal(false);
  const failure = useSignal<string | undefined>(undefined);
  // Not after the next picture: until then keys would go to the page.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const submit = async (): Promise<void> => {
    busy.value = true;
    try {
      await action();
      // Gives the focus back to where it was, which taking the element away would not.
      dialog.current?.close(DONE);
    } catch (error) {
      failure.value = tell(error);
    } finally {
      busy.value = false;
    }
  };
  const closed = (): void => close(dialog.current?.returnValue === DONE);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={closed} data-region="dialog">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy.value) void submit();
        }}
      >
        <h2 id="dialog-title">{title}</h2>
        {children}
        {failure.value !== undefined && (
          <p class="failure" role="alert">
            {failure.value}
          </p>
        )}
        <div class="buttons">
          <button type="button" autofocus={danger} onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            class={danger ? 'primary danger' : 'primary'}
            aria-busy={busy.value}
          >
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function tell(error: unknown): string {
  if (!(error instanceof ApiError)) return 'The daemon cannot be reached.';
  return error.hint === undefined ? error.message : `${error.message}: ${error.hint}`;
}
