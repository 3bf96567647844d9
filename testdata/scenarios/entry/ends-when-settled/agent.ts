setInterval(() => console.log('tick'), 60000);
setTimeout(() => console.log('never'), 60000);
export default async () => {
  setTimeout(() => console.log('neither'), 60000);
  return 'done';
};
