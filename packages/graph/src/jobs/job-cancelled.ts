/** Thrown inside a job whose end was asked for. */
export class JobCancelled extends Error {
  override readonly name = 'JobCancelled';
}
