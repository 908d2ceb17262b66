/** What crypto.spec.ts asks of crypto.ts. Has types of its own, because the two sides are checked with different libraries. */
type Type = "rsa-2048" | "rsa-3072" | "p-256";
type Form = "der" | "raw";
type Subject = { readonly commonName: string } & Readonly<
	Record<"organization" | "country" | "serialNumber" | "emailAddress", string>
>;

export type Request =
	| { readonly action: "generate"; readonly key: string; readonly type: Type }
	| { readonly action: "import"; readonly key: string; readonly der: string }
	| { readonly action: "importPublic"; readonly key: string; readonly pem: string }
	| { readonly action: "public" | "export"; readonly key: string }
	| { readonly action: "sign"; readonly key: string; readonly data: string; readonly form: Form }
	| { readonly action: "signRaw"; readonly key: string; readonly data: string }
	| {
			readonly action: "verify";
			readonly key: string;
			readonly data: string;
			readonly signature: string;
			readonly form: Form;
	  }
	| { readonly action: "csr"; readonly key: string; readonly subject: Subject }
	| { readonly action: "hash"; readonly data: string; readonly pieces: readonly number[] }
	| { readonly action: "generateAndExit"; readonly type: Type };
