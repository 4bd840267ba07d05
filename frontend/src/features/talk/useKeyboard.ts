/** Listens for the call's keys on the whole page. */
import { useEffect } from 'react';
import { currentCall } from '@/call/currentCall';
import { useSession } from '@/stores/session';
import { keyAction, movesFocus, readKeyPress } from './keyboard';

export function useKeyboard(): void {
  useEffect(() => {
    window.addEventListener('keydown', keyDown);
    window.addEventListener('keyup', keyUp);
    window.addEventListener('pointerdown', pointerDown);
    window.addEventListener('blur', letGo);
    return () => {
      window.removeEventListener('keydown', keyDown);
      window.removeEventListener('keyup', keyUp);
      window.removeEventListener('pointerdown', pointerDown);
      window.removeEventListener('blur', letGo);
    };
  }, []);
}

let focusByKeyboard = false;

function pointerDown(): void {
  focusByKeyboard = false;
}

function keyDown(event: KeyboardEvent): void {
  if (movesFocus(event)) focusByKeyboard = true;
  const { live, mode } = useSession.getState();
  if (!live) return;
  const action = keyAction(readKeyPress(event, focusByKeyboard), mode === 'push-to-talk');
  if (action === null) return;
  const call = currentCall();
  if (action === 'hold') call.hold();
  if (action === 'mute') call.toggleMute();
  if (action === 'interrupt') call.interrupt();
  if (action !== 'interrupt') event.preventDefault();
}

/** Prevented too, because a focused button clicks when Space comes up. */
function keyUp(event: KeyboardEvent): void {
  if (event.key !== ' ' || !useSession.getState().holding) return;
  event.preventDefault();
  currentCall().release();
}

/** A key released in another window is never seen here. */
function letGo(): void {
  if (useSession.getState().holding) currentCall().release();
}
