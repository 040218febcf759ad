import { computed, effect, signal } from '@preact/signals';
import type { Theme } from '../model/colours.ts';

export type ThemeChoice = Theme | 'auto';

const KEY = 'tidemark-theme';
const darkness = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(darkness.matches);
darkness.addEventListener('change', (event) => (systemDark.value = event.matches));

export const themeChoice = signal<ThemeChoice>(stored());

export const theme = computed<Theme>(() => {
  if (themeChoice.value !== 'auto') return themeChoice.value;
  return systemDark.value ? 'dark' : 'light';
});

function stored(): ThemeChoice {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

effect(() => {
  const choice = themeChoice.value;
  if (choice === 'auto') {
    delete document.documentElement.dataset['theme'];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset['theme'] = choice;
    localStorage.setItem(KEY, choice);
  }
});
