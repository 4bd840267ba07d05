/** Which key does what, and where it is left alone. */
import { afterEach, describe, expect, test } from 'vitest';
import { type KeyPress, keyAction, readKeyPress } from './keyboard';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  repeat: false,
  modified: false,
  inText: false,
  onControl: false,
  inDialog: false,
  ...more,
});

describe('keys', () => {
  test('Space holds to talk, only in push-to-talk', () => {
    expect(keyAction(press(' '), true)).toBe('hold');
    expect(keyAction(press(' '), false)).toBeNull();
  });

  test('Space held down neither presses again nor scrolls the page', () => {
    expect(keyAction(press(' ', { repeat: true }), true)).toBe('swallow');
  });

  test('Space belongs to a control that was reached with the keyboard', () => {
    expect(keyAction(press(' ', { onControl: true }), true)).toBeNull();
  });

  test('M mutes once, however long it is held', () => {
    expect(keyAction(press('m'), false)).toBe('mute');
    expect(keyAction(press('M'), false)).toBe('mute');
    expect(keyAction(press('m', { repeat: true }), false)).toBeNull();
  });

  test('Escape interrupts', () => {
    expect(keyAction(press('Escape'), false)).toBe('interrupt');
  });

  test.each([' ', 'm', 'Escape'])(
    '%j is left alone while typing, in dialogs and with Ctrl',
    (key) => {
      for (const place of ['inText', 'inDialog', 'modified'] as const) {
        expect(keyAction(press(key, { [place]: true }), true)).toBeNull();
      }
    },
  );
});

describe('where a key was pressed', () => {
  afterEach(() => {
    document.body.innerHTML = '';
  });

  function pressOn(html: string): KeyPress {
    document.body.innerHTML = html;
    const target = document.body.querySelector('[data-target]') ?? document.body;
    let read: KeyPress | null = null;
    window.addEventListener('keydown', (event) => (read = readKeyPress(event, true)), {
      once: true,
    });
    target.dispatchEvent(new KeyboardEvent('keydown', { key: 'm', bubbles: true }));
    return read as unknown as KeyPress;
  }

  test('text fields count as typing', () => {
    expect(pressOn('<input data-target type="text">').inText).toBe(true);
    expect(pressOn('<textarea data-target></textarea>').inText).toBe(true);
    expect(pressOn('<select data-target></select>').inText).toBe(true);
  });

  test('radio buttons and plain text do not', () => {
    expect(pressOn('<input data-target type="radio">').inText).toBe(false);
    expect(pressOn('<p data-target>hello</p>').inText).toBe(false);
  });

  test('a button counts as a control only when the keyboard led there', () => {
    expect(pressOn('<button data-target>Mute</button>').onControl).toBe(true);
    const event = { target: document.querySelector('button') } as unknown as KeyboardEvent;
    expect(readKeyPress(event, false).onControl).toBe(false);
  });

  test('an open dialog is known', () => {
    expect(pressOn('<dialog open><p data-target></p></dialog>').inDialog).toBe(true);
  });
});
