const same = (value: any, _: any) => value;
class Thing { @same go(): never {
  throw new Error("here");
} }
new Thing().go();
