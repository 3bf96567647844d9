// Where hoist's graph is not npm's tree, and why: every difference falls under one of these rules, each of which says
// beforehand which version hoist has.

/** Every rule: its name, and what it says. */
export const RULES = {
  'one-is-enough':
    'Where a version that somebody pins satisfies others too, hoist has it once. npm has a newer one beside it for those ' +
    'that are placed where the pinned one cannot be seen. Predicted: the newest version in npm\'s own tree that the range allows, ' +
    'other than npm\'s choice.',
  'optional-peers-choose-not':
    'npm lets ranges of optional peers have a say in versions. Here they are checked, and choose nothing. Predicted: the newest ' +
    'version that every range other than those of optional peers allows.',
  'peers-are-those-of-the-dependent':
    'Where a package wants another peer than the one that whoever depends on it has, npm looks for a place where both find their own. ' +
    'hoist warns. Predicted: the version that the dependent has.',
  'engines-are-not-asked':
    'npm passes over versions whose engines exclude its Node while another will do. hoist does not: it runs programs, not engines. ' +
    'Predicted, and tested by asking npm again: told to take these versions, npm has the graph of hoist.',
  below: 'It is there only for a package that falls under another rule. Predicted: with that package it comes and goes.',
};

/**
 * @param npm npm's tree (see npm-tree.mjs)
 * @param hoist the same of hoist's graph
 * @param semver npm's own
 * @returns differences, each with its rule, or without one
 */
export function explain(npm, hoist, semver) {
  const lacks = [...npm.packages.keys()].filter((one) => !hoist.packages.has(one));
  const adds = [...hoist.packages.keys()].filter((one) => !npm.packages.has(one));
  const rules = new Map();
  for (const one of lacks) if (isOneEnough(one, npm, hoist, semver)) rules.set(one, 'one-is-enough');
  for (const one of [...lacks, ...adds]) {
    if (!rules.has(one) && isChosenByOptionalPeers(one, npm, hoist, semver)) rules.set(one, 'optional-peers-choose-not');
  }
  for (const one of lacks) {
    if (!rules.has(one) && isPeerOfDependent(one, npm, hoist, semver)) rules.set(one, 'peers-are-those-of-the-dependent');
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const [ones, tree, other] of [[lacks, npm, hoist], [adds, hoist, npm]]) {
      for (const one of ones.filter((one) => !rules.has(one) && isBelow(one, tree, other, rules))) {
        rules.set(one, 'below');
        grown = true;
      }
    }
  }
  return [...lacks.map((one) => [one, 'npm']), ...adds.map((one) => [one, 'hoist'])].map(([one, only]) => ({
    package: one,
    only,
    rule: rules.get(one),
    askedBy: [...(only === 'npm' ? npm : hoist).edges].filter(([, found]) => found.has(one)).map(([edge]) => edge),
  }));
}

const nameOf = (one) => one.slice(0, one.lastIndexOf('@'));
const versionOf = (one) => one.slice(one.lastIndexOf('@') + 1);
const whoOf = (edge) => edge.slice(0, edge.indexOf(' > '));
const edgesTo = (tree, one) => [...tree.edges].filter(([, found]) => found.has(one)).map(([edge]) => edge);

function isOneEnough(one, npm, hoist, semver) {
  const edges = edgesTo(npm, one).filter((edge) => whoOf(edge) === 'root' || hoist.packages.has(whoOf(edge)));
  const others = [...npm.packages.keys()].filter((other) => nameOf(other) === nameOf(one) && other !== one);
  return edges.length > 0 && edges.every((edge) => {
    const range = npm.ranges.get(edge);
    const fitting = others.map(versionOf).filter((version) => semver.satisfies(version, range));
    const predicted = `${nameOf(one)}@${semver.maxSatisfying(fitting, '*', { includePrerelease: true })}`;
    const found = hoist.edges.get(edge);
    return found !== undefined && (found.has(predicted) || found.has(one));
  });
}

function isChosenByOptionalPeers(one, npm, hoist, semver) {
  const versions = (tree) => [...tree.packages.keys()].filter((other) => nameOf(other) === nameOf(one)).map(versionOf);
  const excluded = [...npm.optionalPeers].filter(([edge]) => edge.endsWith(` > ${nameOf(one)}`)).map(([, range]) => range);
  return excluded.some((range) => {
    const chosen = versions(npm).filter((version) => semver.satisfies(version, range));
    const other = versions(hoist).filter((version) => !semver.satisfies(version, range));
    return chosen.length > 0 && other.length > 0;
  });
}

function isPeerOfDependent(one, npm, hoist, semver) {
  const edges = edgesTo(npm, one).filter((edge) => hoist.packages.has(whoOf(edge)));
  return edges.length > 0 && edges.every((edge) => {
    const alias = edge.slice(edge.indexOf(' > ') + 3);
    const dependents = edgesTo(hoist, whoOf(edge)).map(whoOf);
    const predicted = dependents.flatMap((dependent) => [...(hoist.edges.get(`${dependent} > ${alias}`) ?? [])]);
    const found = [...(hoist.edges.get(edge) ?? [])];
    const unsuited = found.filter((other) => !semver.satisfies(versionOf(other), npm.ranges.get(edge)));
    return unsuited.length > 0 && unsuited.every((other) => predicted.includes(other));
  });
}

function isBelow(one, tree, other, rules) {
  const edges = edgesTo(tree, one);
  return edges.length > 0 && edges.every((edge) => rules.has(whoOf(edge)) && !other.packages.has(whoOf(edge)));
}
