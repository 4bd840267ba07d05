/** Keeps the screen on during a call: a phone that sleeps cuts the microphone. */

export class WakeLock {
  private wanted = false;
  private lock: WakeLockSentinel | null = null;

  constructor() {
    // The browser takes the lock away whenever the page is hidden.
    document.addEventListener('visibilitychange', () => void this.take());
  }

  hold(): void {
    this.wanted = true;
    void this.take();
  }

  release(): void {
    this.wanted = false;
    void this.lock?.release();
    this.lock = null;
  }

  private async take(): Promise<void> {
    if (!this.wanted || document.visibilityState !== 'visible' || !navigator.wakeLock) return;
    try {
      this.lock = await navigator.wakeLock.request('screen');
    } catch {
      // Refused on a low battery, for instance: the call goes on, the screen may sleep.
      this.lock = null;
    }
  }
}
