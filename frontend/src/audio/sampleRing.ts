/** A ring of PCM16 samples that grows in doubling steps up to a limit. */

export class SampleRing {
  private samples: Int16Array;
  private head = 0;
  private held = 0;

  constructor(
    initialCapacity: number,
    private readonly maxCapacity: number,
  ) {
    this.samples = new Int16Array(initialCapacity);
  }

  get length(): number {
    return this.held;
  }

  /** Says how many samples found room. */
  write(input: Int16Array): number {
    this.grow(this.held + input.length);
    const count = Math.min(input.length, this.samples.length - this.held);
    const start = (this.head + this.held) % this.samples.length;
    const first = Math.min(count, this.samples.length - start);
    this.samples.set(input.subarray(0, first), start);
    this.samples.set(input.subarray(first, count), 0);
    this.held += count;
    return count;
  }

  /** Takes `count` samples (which must be held) as floats into `output`. */
  read(output: Float32Array, count: number): void {
    for (let index = 0; index < count; index += 1) {
      output[index] = this.samples[(this.head + index) % this.samples.length] / 0x8000;
    }
    this.drop(count);
  }

  drop(count: number): void {
    this.head = (this.head + count) % this.samples.length;
    this.held -= count;
  }

  private grow(needed: number): void {
    if (needed <= this.samples.length || this.samples.length >= this.maxCapacity) return;
    let capacity = this.samples.length;
    while (capacity < needed && capacity < this.maxCapacity) capacity *= 2;
    const larger = new Int16Array(Math.min(capacity, this.maxCapacity));
    const first = Math.min(this.held, this.samples.length - this.head);
    larger.set(this.samples.subarray(this.head, this.head + first), 0);
    larger.set(this.samples.subarray(0, this.held - first), first);
    this.samples = larger;
    this.head = 0;
  }
}
