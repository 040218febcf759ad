import type { Ticket, TicketSource } from './ticket.ts';

/** Tickets in memory. */
export class TicketTable implements TicketSource {
  readonly #tickets = new Map<string, { readonly ticket: Ticket; readonly end: AbortController }>();

  /** In place of one with this id, if there is one. */
  add(id: string, ticket: Ticket): void {
    this.cancel(id);
    const end = new AbortController();
    const { signal } = ticket;
    const both = signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]);
    this.#tickets.set(id, { ticket: { ...ticket, signal: both }, end });
  }

  /** It counts no more, and what is being read by it is cut off. @returns whether it was there */
  cancel(id: string): boolean {
    const found = this.#tickets.get(id);
    this.#tickets.delete(id);
    found?.end.abort();
    return found !== undefined;
  }

  find(id: string): Ticket | undefined {
    return this.#tickets.get(id)?.ticket;
  }
}
