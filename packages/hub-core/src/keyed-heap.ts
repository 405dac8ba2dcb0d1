/** A binary heap whose entries can also be found and removed by key. Add and remove are O(log n), head and has O(1). */
export class KeyedHeap<T> {
  readonly #isBefore: (a: T, b: T) => boolean;
  readonly #nodes: Node<T>[] = [];
  readonly #byKey = new Map<string, Node<T>>();

  /** `isBefore` must be a strict total order. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#nodes.length;
  }

  get head(): T | undefined {
    return this.#nodes[0]?.value;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key)?.value;
  }

  /** Throws if the key is taken: two entries under one key would make a removal ambiguous. */
  add(key: string, value: T): void {
    if (this.#byKey.has(key)) throw new Error(`the heap already has "${key}"`);
    const node = { key, value, index: this.#nodes.length };
    this.#nodes.push(node);
    this.#byKey.set(key, node);
    this.#rise(node);
  }

  /** False: there was none. */
  remove(key: string): boolean {
    const node = this.#byKey.get(key);
    if (!node) return false;
    this.#byKey.delete(key);
    const last = this.#nodes.pop() as Node<T>;
    if (last !== node) {
      this.#put(last, node.index);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  #rise(node: Node<T>): void {
    while (node.index > 0) {
      const parent = this.#nodes[(node.index - 1) >> 1] as Node<T>;
      if (!this.#isBefore(node.value, parent.value)) return;
      this.#swap(node, parent);
    }
  }

  #sink(node: Node<T>): void {
    for (;;) {
      const left = this.#nodes[2 * node.index + 1];
      if (!left) return;
      const right = this.#nodes[2 * node.index + 2];
      const child = right && this.#isBefore(right.value, left.value) ? right : left;
      if (!this.#isBefore(child.value, node.value)) return;
      this.#swap(child, node);
    }
  }

  #swap(a: Node<T>, b: Node<T>): void {
    const index = a.index;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(node: Node<T>, index: number): void {
    this.#nodes[index] = node;
    node.index = index;
  }
}

interface Node<T> {
  key: string;
  value: T;
  index: number;
}
