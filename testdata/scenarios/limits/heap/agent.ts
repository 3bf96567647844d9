const kept: unknown[] = [];

function fill() {
  for (;;) kept.push({ at: kept.length });
}

export default () => fill();
