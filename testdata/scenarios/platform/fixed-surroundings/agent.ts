export default () => ({
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  offset: new Date(2024, 6, 1).getTimezoneOffset(),
  locale: Intl.DateTimeFormat().resolvedOptions().locale,
  number: (1234567.891).toLocaleString(),
  date: new Date(0).toLocaleString(),
  german: new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }).format(1234.5),
  language: navigator.language,
  environment: process.env.NODE_ENV,
  now: Date.now() > 1700000000000,
});
