// Numbers of a form that its own limits forbid, so that a page that works out each change says which, and sends none of them.

export interface Fault {
  label: string;
  min: number | null;
  max: number | null;
}

const limit = (text: string) => (text === '' ? null : Number(text));

/** The fields inside that hold no valid number, with what each may hold. */
export function faultsIn(place: ParentNode): Fault[] {
  return [...place.querySelectorAll<HTMLInputElement>('input[type="number"]:invalid')].map((field) => ({
    label: (field.labels?.[0]?.textContent ?? field.ariaLabel ?? '').trim(),
    min: limit(field.min),
    max: limit(field.max),
  }));
}
