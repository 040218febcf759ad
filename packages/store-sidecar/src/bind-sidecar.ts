import { openSession, rebind, type SidecarSessionOptions } from './sidecar-session.ts';

/**
 * Notes how the drive of a new sidecar is, before anybody puts a bitmap into it. Closes the sidecar's
 * device, unless opening it fails. @throws as `openSidecarStore`
 */
export async function bindSidecar(options: SidecarSessionOptions): Promise<void> {
  const session = await openSession(options);
  try {
    await rebind(session, 'idle');
  } finally {
    await session.image.close();
  }
}
