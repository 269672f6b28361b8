// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['gnupg', 'wget'], { recommends: true }),
    // TODO line 3: this needs the network, and a build has none; instead: file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows
    //   wget -q -O - https://example.org/linux_signing_key.pub | apt-key add -
    // TODO line 4: archives of apt belong to the recipe; instead: archives: [aptArchive({ url, suite, components, key })] of the recipe, and mirrors as a setting (docs/sources.md)
    //   echo "deb [arch=amd64] http://example.org/linux/chrome/deb/ stable main" > /etc/apt/sources.list.d/google.list
    apt(['google-chrome-stable'], { recommends: true }),
    // TODO line 6: archives of apt belong to the recipe; instead: archives: [aptArchive({ url, suite, components, key })] of the recipe, and mirrors as a setting (docs/sources.md)
    //   sed -i 's|http://archive.example.org|http://mirror.example.org|' /etc/apt/sources.list
  ],
})
