import { useState } from "react";
import { Field, type FieldProps } from "../../ui/field";
import { readAddress, readPort } from "./addresses";

export interface AddressTexts {
  tokentab: string;
  application: string;
  port: string;
}

interface AddressFieldsProps {
  value: AddressTexts;
  onChange: (value: AddressTexts) => void;
}

export function AddressFields({ value, onChange }: AddressFieldsProps) {
  const field = (name: keyof AddressTexts) => ({
    value: value[name],
    onChange: (text: string) => onChange({ ...value, [name]: text }),
  });
  return (
    <div className="grid items-start gap-4 lg:grid-cols-3">
      <CheckedField
        label="Tokentab"
        hint="Address of Tokentab, as seen from the gateway; plain HTTP"
        {...field("tokentab")}
        problem={readAddress(value.tokentab) ? null : addressProblem}
      />
      <CheckedField
        label="Application"
        hint="Where to forward accepted requests"
        {...field("application")}
        problem={readAddress(value.application) ? null : addressProblem}
      />
      <CheckedField
        label="Port of the gateway"
        hint="Port the gateway listens on"
        inputMode="numeric"
        {...field("port")}
        problem={readPort(value.port) === null ? "Enter a port from 1 to 65535." : null}
      />
    </div>
  );
}

const addressProblem = "Enter a host and a port, such as 10.0.0.5:9000.";

interface CheckedFieldProps extends FieldProps {
  problem: string | null;
}

/** Shows errors once the field loses the focus, not while typing. */
function CheckedField({ problem, ...field }: CheckedFieldProps) {
  const [left, setLeft] = useState(false);
  return (
    <Field
      {...field}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      onFocus={() => setLeft(false)}
      onBlur={() => setLeft(true)}
      errors={left && problem ? [problem] : []}
    />
  );
}
