import styles from "./rail.module.css";

/** Mark and name: three bars of a waterfall. */
export function Brand() {
  return (
    <>
      <svg width="18" height="18" viewBox="0 0 18 18" className={styles.mark} aria-hidden="true">
        <path d="M2 4.5h14M2 9h7M7 13.5h9" stroke="currentColor" strokeWidth="2.25" strokeLinecap="round" />
      </svg>
      Sightline
    </>
  );
}
