class PaymentError extends Error {
  override name = 'PaymentError';
  constructor(readonly code: number) {
    super(`payment failed with ${code}`);
  }
}
export default () => {
  throw new PaymentError(402);
};
