package com.example.peer;

import com.example.api.Echo;
import org.apache.dubbo.common.Version;

/** Which Dubbo runs where, for the few things that not every version can do. */
final class Versions {
    /** The id of fastjson2 in a frame's header. */
    static final int FASTJSON2 = 23;

    private Versions() {}

    /** Skips the check unless both sides run Dubbo 3. */
    static void requireDubbo3(String address, String feature) throws Report.Skip {
        requireDubbo3("this client", Version.getVersion(), feature);
        requireDubbo3("the server", new Remote(address, "").refer(Echo.class).dubboVersion(), feature);
    }

    private static void requireDubbo3(String side, String version, String feature) throws Report.Skip {
        if (!version.startsWith("3.")) {
            throw new Report.Skip(side + " runs Dubbo " + version + ", which has no " + feature);
        }
    }
}
