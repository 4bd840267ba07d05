/** What a key means during a call: pure, so that every rule can be tested. */

export interface KeyPress {
  key: string;
  repeat: boolean;
  /** Ctrl, Alt or Meta is down: the key belongs to the browser. */
  modified: boolean;
  /** The caller is typing. */
  inText: boolean;
  /** A control that was reached with the keyboard has the focus: Space and Escape are its own. */
  onControl: boolean;
  inDialog: boolean;
}

export type KeyAction = 'hold' | 'swallow' | 'mute' | 'interrupt';

/** `swallow`: ours, and nothing more to do, but the page must not scroll by it. */
export function keyAction(press: KeyPress, pushToTalk: boolean): KeyAction | null {
  if (press.modified || press.inText || press.inDialog) return null;
  switch (press.key) {
    case ' ':
      if (!pushToTalk || press.onControl) return null;
      return press.repeat ? 'swallow' : 'hold';
    case 'm':
    case 'M':
      return press.repeat ? null : 'mute';
    case 'Escape':
      return 'interrupt';
    default:
      return null;
  }
}

const NOT_TEXT = ['button', 'checkbox', 'radio', 'range', 'submit'];

/** Focus that came by a click is not asked for: after it, Space still means talking. */
export function movesFocus(event: KeyboardEvent): boolean {
  return event.key === 'Tab' || event.key.startsWith('Arrow');
}

export function readKeyPress(event: KeyboardEvent, focusByKeyboard: boolean): KeyPress {
  const target = event.target instanceof Element ? event.target : document.body;
  const control = target.closest('button, a, input, select, summary, [role="button"]');
  return {
    key: event.key,
    repeat: event.repeat,
    modified: event.ctrlKey || event.altKey || event.metaKey,
    inText: isTextField(target),
    onControl: control !== null && focusByKeyboard,
    inDialog: target.closest('dialog[open]') !== null,
  };
}

function isTextField(target: Element): boolean {
  if (target instanceof HTMLInputElement) return !NOT_TEXT.includes(target.type);
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLElement && target.isContentEditable;
}
