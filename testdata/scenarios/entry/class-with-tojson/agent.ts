class Money {
  constructor(readonly cents: number) {}
  toJSON() {
    return `${this.cents / 100} EUR`;
  }
}
export default () => ({ price: new Money(250), gone: undefined, list: [undefined, () => 1], at: new Date(0) });
