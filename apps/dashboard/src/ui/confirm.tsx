import { client } from '../api/client.ts';
import { announce } from '../state/store.ts';
import type { BitmapVerb, DialogRequest } from './dialogs.tsx';
import { Modal } from './modal.tsx';

interface Question {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
  readonly danger: boolean;
  readonly done: string;
}

type Request = Exclude<DialogRequest, { kind: 'add' }>;

export function Confirm({
  request,
  close,
}: {
  readonly request: Request;
  readonly close: (done: boolean) => void;
}) {
  const { title, text, confirm, danger, done } = question(request);
  const action = async (): Promise<void> => {
    await perform(request);
    announce([done]);
  };
  return (
    <Modal title={title} confirm={confirm} danger={danger} action={action} close={close}>
      <p>{text}</p>
    </Modal>
  );
}

async function perform(request: Request): Promise<void> {
  if (request.kind === 'cancel') return client.cancelJob(request.job);
  const { drive, bitmap, verb } = request;
  if (verb === 'remove') return client.removeBitmap(drive, bitmap);
  await client.changeBitmap(drive, bitmap, verb);
}

function question(request: Request): Question {
  if (request.kind === 'cancel') {
    return {
      title: `Cancel job ${request.job}?`,
      text: 'What it has copied so far is of no use then, and its bitmap stays as it was.',
      confirm: 'Cancel the job',
      danger: true,
      done: `job ${request.job} is being cancelled`,
    };
  }
  const { drive, bitmap, verb } = request;
  return { ...QUESTIONS[verb](bitmap, drive), danger: verb !== 'enable' };
}

const QUESTIONS: Readonly<
  Record<BitmapVerb, (bitmap: string, drive: string) => Omit<Question, 'danger'>>
> = {
  clear: (bitmap, drive) => ({
    title: `Clear ${bitmap} on ${drive}?`,
    text:
      'It forgets what has changed until now. A backup that stands on this bitmap has to be full ' +
      'the next time.',
    confirm: 'Clear the bitmap',
    done: `bitmap ${bitmap} on ${drive} cleared`,
  }),
  disable: (bitmap, drive) => ({
    title: `Stop ${bitmap} on ${drive}?`,
    text:
      'What is written from now on is not recorded. A backup that stands on this bitmap has to be ' +
      'full the next time.',
    confirm: 'Stop recording',
    done: `bitmap ${bitmap} on ${drive} stopped`,
  }),
  enable: (bitmap, drive) => ({
    title: `Record in ${bitmap} on ${drive}?`,
    text: 'What is written from now on is recorded. What was written while it was off is not in it.',
    confirm: 'Record',
    done: `bitmap ${bitmap} on ${drive} records`,
  }),
  remove: (bitmap, drive) => ({
    title: `Remove ${bitmap} from ${drive}?`,
    text: 'The bitmap is gone for good. The next backup that would have used it is full.',
    confirm: 'Remove the bitmap',
    done: `bitmap ${bitmap} removed from ${drive}`,
  }),
};
