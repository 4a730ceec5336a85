/** Credentials for the KMS servers of the tests, where the SDK's default chain looks first. No real one is ever asked with them. */
export function provideAwsCredentials(): void {
  process.env["AWS_ACCESS_KEY_ID"] = "AKIAEXAMPLEEXAMPLE00";
  process.env["AWS_SECRET_ACCESS_KEY"] = "example-secret-of-the-tests";
}
