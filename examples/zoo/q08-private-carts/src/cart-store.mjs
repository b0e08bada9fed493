export class CartStore {
  #carts = new Map();

  add(url) {
    this.#carts.set(url, { url, items: Array.from({ length: 8 }, (_, i) => `${url}/${i}`) });
    return { carts: this.#carts.size };
  }
}
