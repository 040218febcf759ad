import { signal } from '@preact/signals';
import { AddBitmap } from './add-bitmap.tsx';
import { Confirm } from './confirm.tsx';

export type BitmapVerb = 'clear' | 'enable' | 'disable' | 'remove';

export type DialogRequest =
  | { readonly kind: 'add'; readonly drive: string }
  | {
      readonly kind: 'bitmap';
      readonly verb: BitmapVerb;
      readonly drive: string;
      readonly bitmap: string;
    }
  | { readonly kind: 'cancel'; readonly job: string };

const open = signal<DialogRequest | undefined>(undefined);

export function openDialog(request: DialogRequest): void {
  open.value = request;
}

export function Dialogs() {
  const request = open.value;
  if (request === undefined) return null;
  const close = (done: boolean): void => {
    open.value = undefined;
    keepFocus(request, done && takesItsButton(request));
  };
  return request.kind === 'add' ? (
    <AddBitmap drive={request.drive} close={close} />
  ) : (
    <Confirm request={request} close={close} />
  );
}

/** Whether the button that opened the dialog goes with what was asked, now or a moment later. */
function takesItsButton(request: DialogRequest): boolean {
  return request.kind === 'cancel' || (request.kind === 'bitmap' && request.verb === 'remove');
}

/** Where the button that opened the dialog goes, or has gone, the drive takes the focus. */
function keepFocus(request: DialogRequest, goes: boolean): void {
  setTimeout(() => {
    if (!goes && document.activeElement !== document.body) return;
    const id = request.kind === 'cancel' ? 'jobs' : `drive-${encodeURIComponent(request.drive)}`;
    document.getElementById(id)?.focus();
  });
}
