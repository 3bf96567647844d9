import React, { useId, useMemo, useState } from 'npm:react@19.0.0';
import { renderToStaticMarkup, renderToString } from 'npm:react-dom@19.0.0/server';

function List({ items }: { items: string[] }) {
  const [selected] = useState(1);
  const id = useId();
  const sorted = useMemo(() => [...items].sort(), [items]);
  return (
    <ul aria-labelledby={typeof id}>
      {sorted.map((item, index) => (
        <li key={item} className={index === selected ? 'selected' : undefined} style={{ marginTop: 4 }}>
          {item}
        </li>
      ))}
    </ul>
  );
}

export default () => {
  const tree = (
    <React.StrictMode>
      <List items={['b <i>', 'a', 'c & d']} />
    </React.StrictMode>
  );
  return { markup: renderToStaticMarkup(tree), hydratable: renderToString(<p>{['x', 'y']}</p>), version: React.version };
};
