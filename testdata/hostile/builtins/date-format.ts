export default () => {
  for (let time = 0; ; time += 1e7) new Intl.DateTimeFormat('ar-u-ca-islamic', { dateStyle: 'full' }).format(time);
};
