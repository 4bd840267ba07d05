/** Every microphone problem has words that say what to do. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MicrophoneError, micAdvice, micProblemOf, requestMicrophone } from './microphone';

afterEach(() => vi.unstubAllGlobals());

function browserRefuses(name: string): void {
  const getUserMedia = () => Promise.reject(new DOMException('no', name));
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
}

describe('microphone problems', () => {
  test.each([
    ['NotAllowedError', 'denied'],
    ['NotFoundError', 'missing'],
    ['OverconstrainedError', 'missing'],
    ['NotReadableError', 'in-use'],
  ])('%s means %s', async (name, problem) => {
    browserRefuses(name);
    await expect(requestMicrophone()).rejects.toMatchObject({ problem });
  });

  test('a page over plain http has no microphone at all', async () => {
    vi.stubGlobal('navigator', {});
    await expect(requestMicrophone()).rejects.toEqual(new MicrophoneError('insecure'));
  });

  test('something that is no error object counts as missing', () => {
    expect(micProblemOf('what?')).toBe('missing');
  });

  test('each says what happened and what to do', () => {
    for (const problem of ['denied', 'missing', 'insecure', 'in-use', 'lost'] as const) {
      const { title, advice } = micAdvice(problem);
      expect(title).toMatch(/^The microphone|^No microphone/);
      expect(advice).toMatch(/try again|https/);
      expect(advice).toContain('type');
    }
  });
});
