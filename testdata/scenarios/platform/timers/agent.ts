export default () =>
  new Promise((resolve) => {
    const order: string[] = [];
    setTimeout(() => order.push('timeout'), 0);
    setTimeout(() => resolve([order[0], order.slice(1, 3).sort(), order[3]]), 20);
    process.nextTick(() => order.push('tick'));
    Promise.resolve().then(() => order.push('micro'));
    order.push('now');
    // The timer is due before anything else gets its turn.
    const due = performance.now() + 5;
    while (performance.now() < due);
  });
