import {
  type BlockDevice,
  type DriveFacts,
  type FactsOptions,
  ForwardingDevice,
  type KnownByFacts,
} from '@tidemark/block';

/** A device that somebody else closes: for this user, closing makes durable what was written. */
export class UnownedDevice
  extends ForwardingDevice<BlockDevice & Partial<KnownByFacts>>
  implements KnownByFacts
{
  async facts(options?: FactsOptions): Promise<DriveFacts | undefined> {
    return this.below.facts?.(options);
  }

  override async close(): Promise<void> {
    if (this.writable) await this.below.flush();
  }
}
