/** What the page shows of the connection. */
import { create } from 'zustand';
import type { ConnectionState } from '@/protocol/connection';

interface ConnectionView {
  connection: ConnectionState;
  roundTripMs: number | null;
}

export const useConnection = create<ConnectionView>(() => ({
  connection: { phase: 'idle' },
  roundTripMs: null,
}));
