// The tagged codec (program.rs has its table, at `Codec`): text in place of values that JSON has no words for, and back.
// Both ways are bounded: the text while it is made, the nesting in either direction.
// Guest code may have replaced any prototype's method, so everything here uses primordials.

import { core, primordials } from "ext:core/mod.js";
import { op_base64_decode, op_base64_encode_from_buffer } from "ext:core/ops";

const {
  ArrayIsArray,
  BigInt,
  BigIntPrototypeToString,
  BigIntPrototypeValueOf,
  BooleanPrototypeValueOf,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  Date,
  DatePrototypeGetTime,
  DatePrototypeToISOString,
  JSONParse,
  JSONStringify,
  Map,
  MapPrototypeForEach,
  MapPrototypeSet,
  NumberPrototypeValueOf,
  ObjectHasOwn,
  ObjectIs,
  ObjectKeys,
  ReflectApply,
  RegExpPrototypeExec,
  SafeSet,
  Set,
  SetPrototypeAdd,
  SetPrototypeForEach,
  StringPrototypeValueOf,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  Uint8Array,
} = primordials;

const TAG = "$type";

// How deep values may be nested. Well above what people write, well below what the stack holds.
const DEPTH = 1000;

// ---------------------------------------------------------------------------------------------------------------------
// From values to text.

// Makes one text of at most `limit` characters. Where it would have more, the encoder itself is thrown and has its measure.
export class Encoder {
  measured = 0;
  #text = "";
  #limit;
  // The objects that the value at hand is in.
  #open = new SafeSet();
  #depth = 0;

  constructor(limit) {
    this.#limit = limit;
  }

  // The text of a value, or `undefined` for one that JSON leaves out.
  encode(value) {
    return this.#write(value, "") ? this.#text : undefined;
  }

  #reserve(characters) {
    const measured = this.#text.length + characters;
    if (measured > this.#limit) {
      this.measured = measured;
      throw this;
    }
  }

  #put(text) {
    this.#reserve(text.length);
    this.#text += text;
  }

  #string(text) {
    this.#reserve(text.length);
    this.#put(JSONStringify(text));
  }

  // `text` needs no escapes.
  #tag(type, text) {
    this.#put(`{"${TAG}":"${type}","value":"`);
    this.#put(text);
    this.#put('"}');
  }

  // Writes a value that stands under `key`. Says whether there was something to write.
  #write(given, key) {
    let value = given;
    let writer = this.#writerOf(value);
    if (writer === this.#members) {
      const { toJSON } = value;
      if (typeof toJSON === "function") {
        // As in JSON.stringify, what it gives is not asked again.
        value = ReflectApply(toJSON, value, [`${key}`]);
        writer = this.#writerOf(value);
      }
    }
    if (writer !== undefined) {
      ReflectApply(writer, this, [value]);
      return true;
    }
    return this.#primitive(value);
  }

  // How an object is written.
  #writerOf(value) {
    if (typeof value !== "object" || value === null) return undefined;
    if (core.isDate(value)) return this.#date;
    if (core.isMap(value)) return this.#map;
    if (core.isSet(value)) return this.#set;
    if (core.isArrayBufferView(value) || core.isAnyArrayBuffer(value)) return this.#bytes;
    if (core.isBoxedPrimitive(value)) return this.#boxed;
    return this.#members;
  }

  #primitive(value) {
    switch (typeof value) {
      case "undefined":
        this.#put(`{"${TAG}":"undefined"}`);
        return true;
      case "string":
        this.#string(value);
        return true;
      case "number":
        if (ObjectIs(value, -0)) this.#tag("number", "-0");
        else if (value - value === 0) this.#put(`${value}`);
        else this.#tag("number", `${value}`);
        return true;
      case "bigint":
        this.#tag("bigint", BigIntPrototypeToString(value));
        return true;
      case "boolean":
      case "object":
        this.#put(`${value}`);
        return true;
      default:
        return false;
    }
  }

  #boxed(value) {
    if (core.isStringObject(value)) this.#primitive(StringPrototypeValueOf(value));
    else if (core.isNumberObject(value)) this.#primitive(NumberPrototypeValueOf(value));
    else if (core.isBooleanObject(value)) this.#primitive(BooleanPrototypeValueOf(value));
    else if (core.isBigIntObject(value)) this.#primitive(BigIntPrototypeValueOf(value));
    else this.#put("{}");
  }

  #date(value) {
    const time = DatePrototypeGetTime(value);
    if (time === time) this.#tag("date", DatePrototypeToISOString(value));
    else this.#put(`{"${TAG}":"date","value":null}`);
  }

  #bytes(value) {
    const { 0: bytes, 1: as } = bytesOf(value);
    const length = TypedArrayPrototypeGetByteLength(bytes);
    // Four characters for three bytes.
    this.#reserve(length / 3 * 4);
    // Ops take no shared memory.
    const own = core.isSharedArrayBuffer(TypedArrayPrototypeGetBuffer(bytes)) ? new Uint8Array(bytes) : bytes;
    this.#put(as === "Uint8Array" ? `{"${TAG}":"bytes","value":"` : `{"${TAG}":"bytes","as":"${as}","value":"`);
    this.#put(op_base64_encode_from_buffer(own, 0, length));
    this.#put('"}');
  }

  #map(value) {
    this.#enter(value);
    this.#put(`{"${TAG}":"map","value":[`);
    let separator = "[";
    MapPrototypeForEach(value, (item, key) => {
      this.#put(separator);
      this.#item(key, 0);
      this.#put(",");
      this.#item(item, 1);
      this.#put("]");
      separator = ",[";
    });
    this.#put("]}");
    this.#leave(value);
  }

  #set(value) {
    this.#enter(value);
    this.#put(`{"${TAG}":"set","value":[`);
    let index = 0;
    SetPrototypeForEach(value, (item) => {
      if (index > 0) this.#put(",");
      this.#item(item, index++);
    });
    this.#put("]}");
    this.#leave(value);
  }

  // What stands in a list is never left out.
  #item(value, index) {
    if (!this.#write(value, index)) this.#put("null");
  }

  #members(value) {
    this.#enter(value);
    if (ArrayIsArray(value)) {
      const length = value.length;
      this.#put("[");
      for (let index = 0; index < length; index++) {
        if (index > 0) this.#put(",");
        this.#item(value[index], index);
      }
      this.#put("]");
    } else {
      this.#named(value);
    }
    this.#leave(value);
  }

  #named(value) {
    const keys = ObjectKeys(value);
    const isLikeTag = ObjectHasOwn(value, TAG);
    this.#put(isLikeTag ? `{"${TAG}":"object","value":{` : "{");
    let separator = "";
    for (let index = 0; index < keys.length; index++) {
      const before = this.#text;
      this.#put(separator);
      this.#string(keys[index]);
      this.#put(":");
      if (this.#write(value[keys[index]], keys[index])) separator = ",";
      else this.#text = before;
    }
    this.#put(isLikeTag ? "}}" : "}");
  }

  #enter(value) {
    if (this.#open.has(value)) throw new TypeError("it holds itself");
    if (++this.#depth > DEPTH) throw new TypeError(`it is nested more than ${DEPTH} deep`);
    this.#open.add(value);
  }

  #leave(value) {
    this.#open.delete(value);
    this.#depth--;
  }
}

// The bytes of a buffer or view, and what it is.
function bytesOf(value) {
  if (core.isAnyArrayBuffer(value)) return [new Uint8Array(value), "ArrayBuffer"];
  if (core.isDataView(value)) {
    const offset = DataViewPrototypeGetByteOffset(value);
    return [new Uint8Array(DataViewPrototypeGetBuffer(value), offset, DataViewPrototypeGetByteLength(value)), "DataView"];
  }
  const as = TypedArrayPrototypeGetSymbolToStringTag(value);
  if (as === "Uint8Array") return [value, as];
  const offset = TypedArrayPrototypeGetByteOffset(value);
  return [new Uint8Array(TypedArrayPrototypeGetBuffer(value), offset, TypedArrayPrototypeGetByteLength(value)), as];
}

// ---------------------------------------------------------------------------------------------------------------------
// From text to values.

// The value of a text. Throws what is wrong with it.
export function decode(text) {
  return revived(JSONParse(text), 1);
}

// What JSON.parse made is changed in place: its objects have their members as their own, whatever prototypes say.
function revived(value, depth) {
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH) throw new TypeError(`it is nested more than ${DEPTH} deep`);
  if (!ArrayIsArray(value) && ObjectHasOwn(value, TAG)) return tagged(value, depth);
  return membersRevived(value, depth);
}

function membersRevived(value, depth) {
  const keys = ObjectKeys(value);
  for (let index = 0; index < keys.length; index++) {
    value[keys[index]] = revived(value[keys[index]], depth + 1);
  }
  return value;
}

const member = (object, name) => ObjectHasOwn(object, name) ? object[name] : undefined;

function tagged(object, depth) {
  const type = object[TAG];
  const make = typeof type === "string" ? MAKERS[type] : undefined;
  if (make === undefined) throw new TypeError(`there is no ${TAG} ${JSONStringify(type)}`);
  const made = make(member(object, "value"), depth, member(object, "as"));
  if (made === REFUSED) throw new TypeError(`this is no ${type}: ${JSONStringify(member(object, "value"))}`);
  return made;
}

// No value of a program's.
const REFUSED = { __proto__: null };

const NUMBERS = { __proto__: null, "NaN": NaN, "Infinity": Infinity, "-Infinity": -Infinity, "-0": -0 };

const VIEWS = { __proto__: null };
for (
  const name of new primordials.SafeArrayIterator([
    "DataView", "Int8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float16Array",
    "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array",
  ])
) {
  VIEWS[name] = globalThis[name];
}

const MAKERS = {
  __proto__: null,
  undefined: () => undefined,
  number: (value) => typeof value === "string" && value in NUMBERS ? NUMBERS[value] : REFUSED,
  bigint: (value) => typeof value === "string" && RegExpPrototypeExec(/^-?\d+$/, value) !== null ? BigInt(value) : REFUSED,
  date(value) {
    if (value === null) return new Date(NaN);
    if (typeof value !== "string") return REFUSED;
    const date = new Date(value);
    return DatePrototypeGetTime(date) === DatePrototypeGetTime(date) ? date : REFUSED;
  },
  map(value, depth) {
    if (!ArrayIsArray(value)) return REFUSED;
    const map = new Map();
    for (let index = 0; index < value.length; index++) {
      const pair = value[index];
      if (!ArrayIsArray(pair) || pair.length !== 2) return REFUSED;
      MapPrototypeSet(map, revived(pair[0], depth + 1), revived(pair[1], depth + 1));
    }
    return map;
  },
  set(value, depth) {
    if (!ArrayIsArray(value)) return REFUSED;
    const set = new Set();
    for (let index = 0; index < value.length; index++) SetPrototypeAdd(set, revived(value[index], depth + 1));
    return set;
  },
  bytes(value, _depth, as) {
    if (typeof value !== "string") return REFUSED;
    const bytes = op_base64_decode(value);
    if (as === undefined || as === "Uint8Array") return bytes;
    const buffer = TypedArrayPrototypeGetBuffer(bytes);
    if (as === "ArrayBuffer") return buffer;
    const View = typeof as === "string" ? VIEWS[as] : undefined;
    if (View === undefined) throw new TypeError(`bytes cannot be taken as ${JSONStringify(as)}`);
    return new View(buffer);
  },
  object(value, depth) {
    if (typeof value !== "object" || value === null || ArrayIsArray(value)) return REFUSED;
    return membersRevived(value, depth);
  },
};
