type Key = number | string;

/** So many are put in their places one by one; for more of them sorting is quicker. */
const fewEnough = 100;

/** Things that arrive in any order, in ascending order of their key; where keys are the same, what came first stands first. What is new finds its place when somebody reads. */
export class SettlingSequence<T> {
  private fresh: T[] = [];
  private items: T[] = [];

  constructor(private readonly keyOf: (item: T) => Key) {}

  add(item: T): void {
    this.fresh.push(item);
  }

  get length(): number {
    if (this.fresh.length > 0) this.settle();
    return this.items.length;
  }

  key(index: number): Key {
    return this.keyOf(this.items[index]!);
  }

  item(index: number): T {
    return this.items[index]!;
  }

  slice(from: number, to: number): T[] {
    return this.length > 0 ? this.items.slice(from, to) : [];
  }

  remove(item: T): void {
    const key = this.keyOf(item);
    const end = this.length;
    for (let index = this.first((one) => one >= key); index < end && this.key(index) === key; index++) {
      if (this.items[index] === item) return void this.items.splice(index, 1);
    }
  }

  private settle(): void {
    const { fresh } = this;
    this.fresh = [];
    if (fresh.length > fewEnough) {
      this.items = this.items.concat(fresh).sort((a, b) => (this.keyOf(a) < this.keyOf(b) ? -1 : this.keyOf(a) > this.keyOf(b) ? 1 : 0));
      return;
    }
    for (const item of fresh) {
      const key = this.keyOf(item);
      this.items.splice(this.first((one) => one > key), 0, item);
    }
  }

  private first(reached: (key: Key) => boolean): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (reached(this.key(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
