import { CartStore } from './cart-store.mjs';

export const store = new CartStore();
